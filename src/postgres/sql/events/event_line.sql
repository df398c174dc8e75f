SELECT last_position, gone_until FROM event_line;

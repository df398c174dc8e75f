-- Up to here every active sink has been told.
SELECT least(last_position, (SELECT min(position) FROM event_sinks WHERE is_active)) FROM event_line;

-- Whoever gets a row leads for the next $2 ms, and has the line locked until the transaction ends. $1: the process.
UPDATE event_line
   SET leader = $1, leader_until = clock_timestamp() + $2 * interval '1 millisecond'
 WHERE leader = $1 OR leader_until < clock_timestamp()
RETURNING last_position, gone_until;

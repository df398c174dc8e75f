-- What a crash of each node of the cluster would take away: sessions' own settings do not reach the workers. Of each
-- node: fsync, full_page_writes, synchronous_commit as its sessions get it; empty if it did not answer.
SELECT nodename || ':' || nodeport AS node, success, result
  FROM run_command_on_all_nodes($cmd$
           SELECT current_setting('fsync') || ' ' || current_setting('full_page_writes') || ' '
                  || (SELECT reset_val FROM pg_settings WHERE name = 'synchronous_commit')
       $cmd$) AS answer
  JOIN pg_dist_node USING (nodeid)
 ORDER BY node;

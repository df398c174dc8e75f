/* The protocol of an order between Redis, PostgreSQL and two instances, for spin (PROTOCOL R1 to R5, R9, R11, R13).
 *
 * Two orders of one item. Order 0 is sent twice, once to each instance: a client that retries, at once or much later.
 * Order 1 is sent once. An order may be cancelled, Redis may lose everything, instance 0 may die, and both instances
 * rebuild and sweep. Instance 1 stays up; as the two do the same things, that is any crash of any one instance.
 *
 * Each step is one thing that is atomic outside too: a script in Redis, a transaction in PostgreSQL, or a read. Between
 * any two of them anything else can happen. What a process knows stands in global arrays, so that a crash can clear it;
 * names of functions in comments are those of src.
 *
 * Left out: batches of more than one order, sold-out marks and the rest after a rebuild (they are a matter of time),
 * withdrawals, restocks, payments, a Redis that comes back older instead of empty, and progress: that a run ends.
 *
 * Settings:  WIPES, CRASHES, CANCELS, RACES  how often each may happen. RACES: rebuilds begun beside another's.
 *            FENCE_DROPS how often somebody deletes the fence and nothing else
 *            EVENTS      how many of these together
 *            FAILURES    how often a rebuild may fail, at any step after it has raised the epoch
 *            SWEEPERS 2  instance 0 sweeps as well
 *            RETRIES_LATER  order 0 is sent again only when the first request is over, whatever became of it
 *            LIMIT       both orders are one customer's, who may have one unit; of two, else of one
 *            STANDBY     PostgreSQL has a synchronous standby, which may go away; then either it comes back or the
 *                        primary is lost. Meanwhile whoever waits for it in COMMIT is cancelled
 *            RESTS       a sale that was rebuilt rests, and only then are orders reserved again that Redis has lost
 *            ENDS        the sale ends by the clock, and an instance refuses from memory that it is over
 *            and the mutants, each a rule left out: see the runner, tests/unit/protocol_model_test.py
 */

#ifndef WIPES
#define WIPES 1
#endif
#ifndef CRASHES
#define CRASHES 1
#endif
#ifndef CANCELS
#define CANCELS 1
#endif
#ifndef RACES
#define RACES 1
#endif
#ifndef FENCE_DROPS
#define FENCE_DROPS 0
#endif
#ifndef EVENTS
#define EVENTS 2
#endif
#ifndef FAILURES
#define FAILURES 0
#endif
#ifndef SWEEPERS
#define SWEEPERS 1
#endif

#ifdef LIMIT
#define STOCK 2
#else
#define STOCK 1
#endif

#ifdef STANDBY
/* What the standby has. While it is away only orders are written, each by a COMMIT whose wait is cancelled: everybody
 * sees the row, and the primary alone has it. Other transactions wait. */
#define IN_DOUBT (away)
#else
#define IN_DOUBT false
#endif

#define EPOCHS 8                       /* more than any run needs: `bound_on_epochs` says so */
#define MASK(o) (1 << (o))

/* ---- PostgreSQL -------------------------------------------------------------------------------------------------- */

#define NO_ROW 0
#define LIVE 1
#define CANCELLED 2
#define REJECTED 3

byte epoch = 1;
byte sold;
byte row[2];                           /* by order: P4's "one key, one row" is the primary key */
bit freed[2];                          /* given_back = false */
byte drained_epoch = 1;                /* logs of older epochs are drained */
#ifdef STANDBY
bit away;                              /* the standby; what it has stands in the next two */
bit has_failed_over;
byte standby_sold;
byte standby_row[2];
#endif

/* ---- Redis ------------------------------------------------------------------------------------------------------- */

#define ABSENT 0
#define HELD 1
#define RELEASED 2

/* Keys carry the epoch in their name and scripts read no epoch but the fence's, so one set of these is enough. */
byte fence = 1;                        /* its epoch; 0: missing */
byte closing;                          /* epoch of the rebuild that has closed it */
byte remaining = STOCK;
byte record[2];
#ifdef LIMIT
byte total;                            /* the customer's units */
#endif
/* An order is accepted at most once under an epoch, so (epoch, order) names an entry. */
byte log[EPOCHS];
#define LOGGED (log[1] | log[2] | log[3] | log[4] | log[5] | log[6] | log[7])

#define SERVED(e) (fence == (e) && fence != 0 && closing == 0)

#ifdef RESTS
bit resting;                           /* since the last publication; ends by itself */
#endif
#ifdef ENDS
bit ended;                             /* by Redis's clock */
#endif

/* ---- the instances ----------------------------------------------------------------------------------------------- */

/* Requests. */
#define UNSENT 0
#define RESERVING 1
#define WRITING 2
#define REJECTING 3                    /* reserved again and refused: that becomes a row */
#define RELEASING 4                    /* its row is final: the units that it took go back */
#define DRIFTED 5                      /* PostgreSQL refused: the record is released without its units */
#define TRIMMING 6
#define LOOKING_UP 7
#define DONE 8

/* Cancels and givers-back. */
#define IDLE 0
#define FINDING 1
#define INSERTING 2
#define READING_EPOCH 3
#define GIVING_BACK 4
#define MARKING 5

/* Rebuilds. */
#define RAISING 1
#define CLOSING 2
#define READING_LOG 3
#define DRAINING 4
#define LOOKING 5                      /* whether what was drained counts */
#define CLEARING 6
#define TELLING 7                      /* PostgreSQL that older logs are drained */
#define READING_ROWS 8
#define PUBLISHING 9

/* What a write was told. */
#define COMMITTED 1
#define EXISTING 2
#define RECORDED 3
#define REFUSED 4
#define STALE 5

bit down;                              /* instance 0 */

byte at[3];                            /* requests 0 and 1 are of order 0, request 2 of order 1 */
byte under[3];                         /* epoch that accepted it */
bit again[3];                          /* reserves again */
bit place[3];                          /* instance */

#ifdef RESTS
bit dead[3];                           /* its key was refused since Redis, which had accepted it, has lost it */
#endif
#ifdef ENDS
/* Of instance 1's last pulse: there was no order, and the sale had ended. */
bit saw_none;
bit saw_end;
#endif

byte cancelling[2];
bit cancelled_order[2];
bit cancelled_at[2];
byte cancelled_under[2];

byte rebuilding[2];
byte mine[2];                          /* epoch seen, then raised */
byte published[2];                     /* epoch that the fence told of as it was closed */
byte drained[2];
byte rows_read[2];                     /* two bits an order */
byte correction[2];                    /* epoch for which one was requested; memory only */

byte sweeping[2];
bit swept_order[2];
byte swept_under[2];

byte returning[2];
bit returned_order[2];
byte returned_under[2];

byte wipes = WIPES;
byte crashes = CRASHES;
byte races = RACES;
byte fence_drops = FENCE_DROPS;
byte events = EVENTS;
byte failures = FAILURES;

/* ---- what must hold ---------------------------------------------------------------------------------------------- */

bit taken[2];                          /* Redis has accepted it, and was not wiped since */
bit promised[2];                       /* somebody was told that the order stands: 201, or 200 with a live row */
bit cancel_confirmed[2];

/* Scratch within a step. */
hidden byte told;
hidden byte other;
hidden byte bound_on_epochs;
hidden byte P1_sold_is_live_units_within_stock;
hidden byte P1_redis_never_offers_what_is_taken;
hidden byte P1_postgres_never_has_to_refuse;
hidden byte P2_promised_order_stands;
hidden byte P2_cancelled_order_stays_cancelled;
hidden byte P4_no_refusal_after_promise;
hidden byte P3_taken_order_is_written;
hidden byte P4_refused_stays_refused;
hidden byte P5_nothing_unwritten;
hidden byte P5_records_match_rows;
hidden byte P5_stock_is_accounted_for;
hidden byte limit_a_customer;

/* The names below are 0 for ever: pan prints the expression that failed, and so which property it was. */
#define HOLDS(name, what) assert((what) || name)

#define LIVE_UNITS ((row[0] == LIVE) + (row[1] == LIVE))
#define FREED_UNITS (freed[0] + freed[1])

#ifdef STANDBY
/* Whoever was shown a row that was in doubt has an order that may have to be written once more. */
#define STANDS(o) (row[o] == LIVE || row[o] == CANCELLED || (has_failed_over && row[o] == NO_ROW && (LOGGED & MASK(o))))
#else
#define STANDS(o) (row[o] == LIVE || row[o] == CANCELLED)
#endif

/* After each transaction. */
inline check_rows() {
  HOLDS(P1_sold_is_live_units_within_stock, sold <= STOCK && sold == LIVE_UNITS);
  HOLDS(P2_promised_order_stands, (!promised[0] || STANDS(0)) && (!promised[1] || STANDS(1)));
  HOLDS(P2_cancelled_order_stays_cancelled, (!cancel_confirmed[0] || row[0] == CANCELLED) &&
                                            (!cancel_confirmed[1] || row[1] == CANCELLED));
#ifdef LIMIT
  HOLDS(limit_a_customer, LIVE_UNITS <= 1);
#endif
  check_offer()
}

/* R11's direction: Redis may believe in too little for a moment, never in too much. */
inline check_offer() {
  HOLDS(P1_redis_never_offers_what_is_taken,
        !SERVED(fence) || remaining + sold + (record[0] == HELD && row[0] == NO_ROW) +
                              (record[1] == HELD && row[1] == NO_ROW) <= STOCK)
}

/* ---- transactions ------------------------------------------------------------------------------------------------ */

/* OrderWriter::write of one order, into `told`. */
inline write(o, e) {
  if
  :: row[o] != NO_ROW -> told = EXISTING
#ifndef REBUILD_WITHOUT_EPOCH
  :: row[o] == NO_ROW && e != epoch -> told = STALE
  :: row[o] == NO_ROW && e == epoch && sold >= STOCK -> row[o] = REJECTED; told = REFUSED
  :: row[o] == NO_ROW && e == epoch && sold < STOCK -> row[o] = LIVE; sold++; told = COMMITTED
#else
  :: row[o] == NO_ROW && sold >= STOCK -> row[o] = REJECTED; told = REFUSED
  :: row[o] == NO_ROW && sold < STOCK -> row[o] = LIVE; sold++; told = COMMITTED
#endif
  fi;
  check_rows()
}

/* cancel_in: a live row becomes a cancelled one, and its unit is free here. */
inline cancel_row(o) {
  if
  :: row[o] == LIVE -> row[o] = CANCELLED; sold--; freed[o] = 1
  :: else
  fi;
  if
  :: row[o] == CANCELLED -> cancel_confirmed[o] = 1
  :: else
  fi;
  check_rows()
}

/* ---- scripts ----------------------------------------------------------------------------------------------------- */

/* release.lua under epoch e; `give` says whether the units come back to what remains. */
inline release(o, e, give) {
  if
#ifndef RELEASE_WITHOUT_STATE
  :: SERVED(e) && record[o] == HELD ->
#else
  :: SERVED(e) ->
#endif
    record[o] = RELEASED;
    remaining = remaining + give;
#ifdef LIMIT
    total = (total > 0 -> total - 1 : 0);
#endif
  :: else
  fi;
  check_offer()
}

/* trim_command: XDEL of the exact entry, without a fence. */
#define trim(o, e) log[e] = log[e] & ~MASK(o)

/* Upkeep::request_correction. One is kept for each sale: that of the newest epoch, since a correction of an epoch that
 * has passed is dropped. But memory is all that knows of it, and a process may forget: see DRIFTED. */
inline request_correction(i, e) {
#ifdef TRIM_BEFORE_CORRECTION
  correction[i] = e
#else
  correction[i] = (e > correction[i] -> e : correction[i])
#endif
}

/* Where no crash can come any more, it makes no difference which instance a request is at. */
inline spend_event() {
  events--;
  if
  :: events == 0 ->
    place[0] = at[0] != UNSENT && at[0] != DONE;
    place[1] = at[1] != UNSENT && at[1] != DONE;
    place[2] = at[2] != UNSENT && at[2] != DONE;
    cancelled_at[0] = cancelling[0] != IDLE && cancelling[0] != DONE;
    cancelled_at[1] = cancelling[1] != IDLE && cancelling[1] != DONE
  :: else
  fi
}

/* ---- one request ------------------------------------------------------------------------------------------------- */

#define ORDER_OF(r) ((r) == 2)
#define ORDER ORDER_OF(r)
#define UP(i) (i == 1 || !down)
#define STEP(state) at[r] == state && UP(place[r])

/* Whether reserve.lua refuses an order that it does not know. */
#ifdef LIMIT
#define NO_ROOM (remaining == 0 || total >= 1)
#else
#define NO_ROOM (remaining == 0)
#endif

/* While a rebuilt sale rests nothing is refused, nor sold to anybody else. */
#ifdef RESTS
#define MAY_RESERVE(r) (again[r] || !resting)
#ifdef RESERVED_AGAIN_ANY_TIME
#define MAY_TAKE(r) true
#else
#define MAY_TAKE(r) (!again[r] || (resting && under[r] + 1 == fence))
#endif
#else
#define MAY_RESERVE(r) true
#define MAY_TAKE(r) true
#endif

/* reserve.lua asks the clock, but not for one that it accepted in time. */
#ifdef ENDS
#define NOT_OPEN(r) (ended && !again[r])
#else
#define NOT_OPEN(r) false
#endif

/* The key of order o is refused: whoever still holds an acceptance of it that Redis does not know must not use it. */
inline refuse_key(r) {
  HOLDS(P4_no_refusal_after_promise, !promised[ORDER]);
#ifdef RESTS
  if
  :: ORDER == 0 && (at[1 - r] == WRITING || again[1 - r]) -> dead[1 - r] = 1
  :: else
  fi;
#endif
  at[r] = DONE
}

inline answer_from_row(r) {
  if
  :: row[ORDER] == LIVE -> promised[ORDER] = 1
  :: row[ORDER] == REJECTED -> HOLDS(P4_no_refusal_after_promise, !promised[ORDER])
  :: else
  fi
}

/* What a request that is over knew tells states apart that are alike. */
inline tidy(r) {
  if
  :: at[r] == DONE ->
    under[r] = 0; again[r] = 0; place[r] = 0;
#ifdef RESTS
    dead[r] = 0
#endif
#ifdef RESTS
  :: at[r] == LOOKING_UP || (at[r] == RESERVING && !again[r]) -> under[r] = 0
#else
  :: at[r] == LOOKING_UP || at[r] == RESERVING -> under[r] = 0
#endif
  :: else
  fi
}

#ifdef RETRIES_LATER
#define MAY_BE_SENT(r) (r != 1 || at[0] == DONE)
#else
#define MAY_BE_SENT(r) true
#endif

proctype Request(byte r) {
  do
  /* A request that meets a sale that is not served is answered 503 and has changed nothing: it is not sent yet. */
  :: atomic {
       at[r] == UNSENT && MAY_BE_SENT(r) ->
       if
       :: r != 0 || events == 0 || crashes == 0 -> place[r] = 1
       :: r != 1 && events > 0 && crashes > 0   /* request 0 goes to instance 0, 1 to the other, 2 to either */
       fi;
       at[r] = RESERVING
     }

  /* reserve.lua: replay before refusal (R9), and the log entry with the unit. */
  :: atomic {
       STEP(RESERVING) && SERVED(fence) && MAY_RESERVE(r) ->
       if
#ifdef REFUSE_BEFORE_REPLAY
       :: NO_ROOM && !again[r] -> refuse_key(r)
       :: record[ORDER] != ABSENT && !(NO_ROOM && !again[r]) -> at[r] = LOOKING_UP
#else
       :: record[ORDER] != ABSENT -> at[r] = LOOKING_UP
       :: record[ORDER] == ABSENT && (NO_ROOM || NOT_OPEN(r)) && !again[r] -> refuse_key(r)
#endif
       :: record[ORDER] == ABSENT && again[r] && (NO_ROOM || !MAY_TAKE(r)) -> at[r] = REJECTING
       :: record[ORDER] == ABSENT && !NO_ROOM && MAY_TAKE(r) && !NOT_OPEN(r) ->
         under[r] = fence;
         remaining--;
         record[ORDER] = HELD;
         taken[ORDER] = 1;
         log[fence] = log[fence] | MASK(ORDER);
#ifdef LIMIT
         total++;
#endif
#ifdef TRIM_BEFORE_COMMIT
         trim(ORDER, fence);
#endif
         check_offer();
         if
         :: at[r] = WRITING
         :: at[r] = DONE               /* the reply never came (R10): the sweeper will find the entry */
         fi
       fi;
       tidy(r)
     }

  /* One transaction; a COMMIT whose outcome is unknown is made again (R5). */
  :: atomic {
       STEP(WRITING) ->
       d_step { write(ORDER, under[r]) };
       if
#ifdef RESTS
       :: told == COMMITTED && dead[r] -> HOLDS(P4_refused_stays_refused, false)
#endif
       :: told == COMMITTED || told == EXISTING -> skip    /* the answer of COMMIT was lost: still WRITING */
#ifndef CANCELLED_WAIT_IS_DONE
       :: IN_DOUBT && told != STALE -> skip                /* the server has warned: the same */
       :: told == COMMITTED && !IN_DOUBT -> promised[ORDER] = 1; at[r] = TRIMMING
       :: told == EXISTING && !IN_DOUBT ->
         answer_from_row(r);
         at[r] = (row[ORDER] == LIVE -> TRIMMING : (row[ORDER] == CANCELLED -> RELEASING : DRIFTED))
#else
       :: told == COMMITTED -> promised[ORDER] = 1; at[r] = TRIMMING
       :: told == EXISTING ->
         answer_from_row(r);
         at[r] = (row[ORDER] == LIVE -> TRIMMING : (row[ORDER] == CANCELLED -> RELEASING : DRIFTED))
#endif
       :: told == REFUSED && !IN_DOUBT ->
         HOLDS(P4_no_refusal_after_promise, !promised[ORDER]);
         HOLDS(P1_postgres_never_has_to_refuse, false);
         at[r] = DRIFTED
       /* Its log is drained and dropped by whoever rebuilds, so it will not be trimmed by this request. */
       :: told == STALE -> again[r] = 1; at[r] = RESERVING
       :: told == STALE -> at[r] = DONE                    /* ten seconds are over */
       fi;
       tidy(r)
     }
  :: d_step {
       STEP(REJECTING) && !IN_DOUBT ->
       if
       :: row[ORDER] == NO_ROW -> row[ORDER] = REJECTED
       :: else
       fi;
       check_rows();
       answer_from_row(r);
       at[r] = DONE;
       tidy(r)
     }

  /* settle_final and drifted: the release is sent before the trim, on the same connection. The correction is known to
   * this instance alone, so the entry is not trimmed: it tells every sweeper, and goes with the old epoch's log. */
  :: d_step { STEP(RELEASING) -> release(ORDER, under[r], 1); at[r] = TRIMMING }
  :: d_step {
       STEP(DRIFTED) ->
       release(ORDER, under[r], 0);
       request_correction(place[r], under[r]);
#ifdef TRIM_BEFORE_CORRECTION
       at[r] = TRIMMING
#else
       at[r] = DONE;
       tidy(r)
#endif
     }
  :: d_step { STEP(TRIMMING) -> trim(ORDER, under[r]); at[r] = DONE; tidy(r) }

  /* The key's row as it stands; without one the answer is `pending`, which promises no more than the log does. */
  :: d_step { STEP(LOOKING_UP) -> answer_from_row(r); at[r] = DONE; tidy(r) }
  od
}

/* ---- a cancel ---------------------------------------------------------------------------------------------------- */

#define CANCEL(state) cancelling[c] == state && UP(cancelled_at[c])

inline tidy_cancel(c) {
  if
  :: cancelling[c] == DONE -> cancelled_at[c] = 0; cancelled_order[c] = 0; cancelled_under[c] = 0
  :: else
  fi
}

inline cancel_and_go_on(c, o) {
  cancel_row(o);
  if
  :: freed[o] -> cancelling[c] = READING_EPOCH
  :: else -> cancelling[c] = DONE
  fi;
  tidy_cancel(c)
}

proctype Cancel(byte c) {
  do
  :: atomic {
       events > 0 && cancelling[c] == IDLE && !IN_DOUBT &&
       (row[0] != NO_ROW || record[0] == HELD || row[1] != NO_ROW || record[1] == HELD) ->
       spend_event();
       if
       :: cancelled_order[c] = 0
       :: cancelled_order[c] = 1
       fi;
       if
       :: cancelled_at[c] = 1
       :: crashes > 0 && events > 0  /* else the two are alike */
       fi;
       if
       :: row[cancelled_order[c]] == NO_ROW -> cancelling[c] = FINDING
       :: else -> d_step { cancel_and_go_on(c, cancelled_order[c]) }
       fi
     }
  /* find_orders.lua; an order that is not held is answered 404 or 503. */
  :: d_step {
       CANCEL(FINDING) ->
       cancelling[c] = (SERVED(fence) && record[cancelled_order[c]] == HELD -> INSERTING : DONE);
#ifdef CANCEL_WITHOUT_ROW
       cancelling[c] = (cancelling[c] == INSERTING -> READING_EPOCH : DONE);
#endif
       tidy_cancel(c)
     }
  /* cancel_unwritten_order: whoever writes the order later meets this row (R4). */
  :: d_step {
       CANCEL(INSERTING) && !IN_DOUBT ->
       if
       :: row[cancelled_order[c]] == NO_ROW ->
         row[cancelled_order[c]] = CANCELLED;
         freed[cancelled_order[c]] = 1
       :: else
       fi;
       cancel_and_go_on(c, cancelled_order[c])
     }
  /* give_back. */
  :: d_step { CANCEL(READING_EPOCH) -> cancelled_under[c] = epoch; cancelling[c] = GIVING_BACK }
  :: d_step {
       CANCEL(GIVING_BACK) ->
       cancelling[c] = (SERVED(cancelled_under[c]) -> MARKING : DONE);
       release(cancelled_order[c], cancelled_under[c], 1);
       cancelled_under[c] = 0;
       tidy_cancel(c)
     }
  :: d_step { CANCEL(MARKING) && !IN_DOUBT -> freed[cancelled_order[c]] = 0; cancelling[c] = DONE; tidy_cancel(c) }
  od
}

/* ---- a rebuild: Upkeep and Publisher ----------------------------------------------------------------------------- */

/* An order's record as its row says (R3). */
#define READ_RECORD(o) ((rows_read[i] >> (2 * (o))) & 3)
#ifdef REBUILD_LIVE_ROWS_ONLY
#define RECORD_OF(o) (row[o] == LIVE -> HELD : ABSENT)
#else
#define RECORD_OF(o) (row[o] == NO_ROW -> ABSENT : (row[o] == LIVE -> HELD : RELEASED))
#endif

#define REBUILD(state) rebuilding[i] == state && UP(i)
#define STOP_REBUILD rebuilding[i] = IDLE; mine[i] = 0; published[i] = 0; drained[i] = 0; rows_read[i] = 0

/* Of the epochs just below its own a rebuild looks at some in any case; here at one. */
#ifdef DRAIN_RECENT_EPOCHS_ALONE
#define LOOKED_AT(e) ((e) == published[i] || (e) + 1 == mine[i])
#else
#define LOOKED_AT(e) ((e) == published[i] || (e) + 1 == mine[i] || (e) == drained_epoch)
#endif

proctype Rebuild(byte i) {
  do
  /* The lease keeps two from doing the same work, but is not trusted (R2). The newest epoch is read from PostgreSQL. */
  :: d_step {
       REBUILD(IDLE) && (!SERVED(epoch) || correction[i] == epoch) &&
       (rebuilding[1 - i] == IDLE || (races > 0 && events > 0)) ->
       if
       :: rebuilding[1 - i] != IDLE -> races--; spend_event()
       :: else
       fi;
       mine[i] = epoch;
       rebuilding[i] = RAISING
     }
  :: d_step { REBUILD(IDLE) && correction[i] != 0 && correction[i] != epoch && SERVED(epoch) -> correction[i] = 0 }

  /* raise_epoch (R1). */
  :: d_step {
       REBUILD(RAISING) && !IN_DOUBT ->
       if
       :: epoch == mine[i] ->
         HOLDS(bound_on_epochs, epoch + 1 < EPOCHS);
         correction[i] = 0;            /* from here on the raised epoch asks for the rebuild, whoever dies */
         epoch++;
         mine[i] = epoch;
         rebuilding[i] = CLOSING
       :: else -> STOP_REBUILD
       fi
     }
  /* close_fence.lua */
  :: d_step {
       REBUILD(CLOSING) ->
       if
       :: fence >= mine[i] || closing > mine[i] -> STOP_REBUILD
       :: else -> closing = mine[i]; published[i] = fence; rebuilding[i] = READING_LOG
       fi
     }
  /* drain: what survives of older logs. */
  :: d_step {
       REBUILD(READING_LOG) ->
       other = 1;
       do
       :: other < mine[i] && LOOKED_AT(other) -> drained[i] = drained[i] | log[other]; other++
       :: other < mine[i] && !LOOKED_AT(other) -> other++
       :: else -> break
       od;
       rebuilding[i] = DRAINING
     }
  :: atomic {
       REBUILD(DRAINING) && !IN_DOUBT ->
       if
       :: drained[i] == 0 -> rebuilding[i] = LOOKING
       :: drained[i] & MASK(0) -> d_step { write(0, mine[i]); drained[i] = drained[i] & ~MASK(0) }
       :: drained[i] & MASK(1) -> d_step { write(1, mine[i]); drained[i] = drained[i] & ~MASK(1) }
       fi
     }
  /* What was written under an epoch that has moved on changed nothing. */
  :: d_step {
       REBUILD(LOOKING) ->
       if
#ifndef CLEAR_WITHOUT_LOOK
       :: epoch != mine[i] -> STOP_REBUILD
       :: else -> rebuilding[i] = CLEARING
#else
       :: rebuilding[i] = CLEARING
#endif
       fi
     }
  /* clear.lua: what nobody needs any more makes room for what is loaded. */
  :: d_step {
       REBUILD(CLEARING) ->
       if
       :: closing != mine[i] -> STOP_REBUILD
       :: else ->
         other = 1;
         do
         :: other < mine[i] && LOOKED_AT(other) -> log[other] = 0; other++
         :: other < mine[i] && !LOOKED_AT(other) -> other++
         :: else -> break
         od;
         published[i] = 0;
         rebuilding[i] = TELLING
       fi
     }
  /* mark_drained: before anything is published under the new epoch, and so has a log. */
  :: d_step {
       REBUILD(TELLING) && !IN_DOUBT ->
       if
       :: epoch != mine[i] -> STOP_REBUILD
       :: else -> drained_epoch = mine[i]; rebuilding[i] = READING_ROWS
       fi
     }
  /* load: one snapshot. The units that remain are read with it, packed into the bits above the records. */
  :: d_step {
       REBUILD(READING_ROWS) ->
       if
       :: epoch != mine[i] -> STOP_REBUILD
       :: else ->
         rows_read[i] = RECORD_OF(0) | (RECORD_OF(1) << 2) | ((STOCK - sold) << 4);
         rebuilding[i] = PUBLISHING
       fi
     }
  /* publish.lua (R2); keys that were loaded and wiped since belong to a fence that is gone too. */
  :: d_step {
       REBUILD(PUBLISHING) ->
       if
       :: fence >= mine[i] || closing != mine[i] -> STOP_REBUILD
       :: else ->
         fence = mine[i];
         closing = 0;
#ifdef RESTS
         resting = 1;
#endif
         remaining = rows_read[i] >> 4;
         record[0] = READ_RECORD(0);
         record[1] = READ_RECORD(1);
#ifdef LIMIT
         total = (record[0] == HELD) + (record[1] == HELD);
#endif
         check_offer();
         STOP_REBUILD
       fi
     }
  /* A full disk, a lock, a Redis without room: the next try is a new one. */
  :: d_step {
       failures > 0 && rebuilding[i] > RAISING && UP(i) ->
       failures--;
       STOP_REBUILD
     }
  od
}

/* ---- the sweeper ------------------------------------------------------------------------------------------------- */

#define SWEEP(state) sweeping[i] == state && UP(i)
#define STOP_SWEEP sweeping[i] = IDLE; swept_order[i] = 0; swept_under[i] = 0
#define RETURN(state) returning[i] == state && UP(i)
#define STOP_RETURN returning[i] = IDLE; returned_order[i] = 0; returned_under[i] = 0

inline begin_return(i, o) {
  returned_order[i] = o;
  returned_under[i] = fence;
  returning[i] = GIVING_BACK
}

inline begin_sweep(i, o) {
  swept_order[i] = o;
  swept_under[i] = fence;
  sweeping[i] = WRITING
}

proctype Sweeper(byte i) {
  do
  /* Of any age: whoever accepted it may still be at it. */
  :: d_step { SWEEP(IDLE) && SERVED(fence) && (log[fence] & MASK(0)) -> begin_sweep(i, 0) }
  :: d_step { SWEEP(IDLE) && SERVED(fence) && (log[fence] & MASK(1)) -> begin_sweep(i, 1) }
  :: d_step {
       SWEEP(WRITING) ->
       write(swept_order[i], swept_under[i]);
       if
       :: told == STALE || IN_DOUBT -> STOP_SWEEP
       :: told == REFUSED && !IN_DOUBT ->
         HOLDS(P1_postgres_never_has_to_refuse, false);
         sweeping[i] = DRIFTED
       :: told == EXISTING && !IN_DOUBT && row[swept_order[i]] == CANCELLED -> sweeping[i] = RELEASING
       :: told == EXISTING && !IN_DOUBT && row[swept_order[i]] == REJECTED -> sweeping[i] = DRIFTED
       :: !IN_DOUBT && (told == COMMITTED || (told == EXISTING && row[swept_order[i]] == LIVE)) ->
         sweeping[i] = TRIMMING
       fi
     }
  :: d_step { SWEEP(RELEASING) -> release(swept_order[i], swept_under[i], 1); sweeping[i] = TRIMMING }
  /* The call failed. The row may be marked as given back long since: only the entry still tells of the unit. */
#ifdef TRIM_AFTER_FAILED_RELEASE
  :: d_step { SWEEP(RELEASING) -> sweeping[i] = TRIMMING }
#else
  :: d_step { SWEEP(RELEASING) -> STOP_SWEEP }
#endif
  :: d_step {
       SWEEP(DRIFTED) ->
       release(swept_order[i], swept_under[i], 0);
       request_correction(i, swept_under[i]);
#ifdef TRIM_BEFORE_CORRECTION
       sweeping[i] = TRIMMING
#else
       STOP_SWEEP
#endif
     }
  :: d_step { SWEEP(TRIMMING) -> trim(swept_order[i], swept_under[i]); STOP_SWEEP }

  /* give_units_back */
  :: d_step { RETURN(IDLE) && SERVED(fence) && freed[0] -> begin_return(i, 0) }
  :: d_step { RETURN(IDLE) && SERVED(fence) && freed[1] -> begin_return(i, 1) }
  :: d_step {
       RETURN(GIVING_BACK) ->
       other = SERVED(returned_under[i]);
       release(returned_order[i], returned_under[i], 1);
       if
       :: other -> returning[i] = MARKING; returned_under[i] = 0
       :: else -> STOP_RETURN
       fi
     }
  :: d_step { RETURN(MARKING) && !IN_DOUBT -> freed[returned_order[i]] = 0; STOP_RETURN }
  od
}

/* ---- time -------------------------------------------------------------------------------------------------------- */

#ifdef RESTS
proctype RestEnds() {
  do
  :: d_step { resting -> resting = 0 }
  od
}
#endif

#ifdef ENDS
#ifdef OVER_BY_THE_CLOCK_NOW
#define SURELY_OVER (saw_none && ended)
#else
#define SURELY_OVER (saw_none && saw_end)
#endif

/* The sale's end, and instance 1, which refuses from memory (SaleSnapshot::surely_not_open). */
proctype EndOfSale() {
  do
  :: d_step { !ended -> ended = 1 }
  :: d_step {
       SERVED(fence) &&
       (saw_none != (record[0] == ABSENT && record[1] == ABSENT) || saw_end != ended) ->
       saw_none = record[0] == ABSENT && record[1] == ABSENT;
       saw_end = ended
     }
  :: d_step { at[0] == RESERVING && place[0] == 1 && !again[0] && SURELY_OVER -> refuse_key(0); tidy(0) }
  :: d_step { at[1] == RESERVING && place[1] == 1 && !again[1] && SURELY_OVER -> refuse_key(1); tidy(1) }
  :: d_step { at[2] == RESERVING && place[2] == 1 && !again[2] && SURELY_OVER -> refuse_key(2); tidy(2) }
  od
}
#endif

/* ---- faults ------------------------------------------------------------------------------------------------------ */

inline end_request(r) {
  if
  :: place[r] == 0 && at[r] != UNSENT -> at[r] = DONE; tidy(r)
  :: else
  fi
}

proctype Faults() {
  do
  :: d_step {
       wipes > 0 && events > 0 ->
       wipes--;
       spend_event();
       fence = 0;
       closing = 0;
       remaining = 0;
       record[0] = ABSENT;
       record[1] = ABSENT;
       taken[0] = 0;
       taken[1] = 0;
#ifdef LIMIT
       total = 0;
#endif
       other = 1;
       do
       :: other < EPOCHS -> log[other] = 0; other++
       :: else -> break
       od
     }
  :: d_step {
       fence_drops > 0 && events > 0 ->
       fence_drops--;
       spend_event();
       fence = 0;
       closing = 0
     }
  :: d_step {
       crashes > 0 && events > 0 ->
       crashes--;
       down = 1;
       end_request(0);
       end_request(1);
       end_request(2);
       at[0] = DONE;
       other = 0;
       do
       :: other < 2 ->
         if
         :: cancelling[other] != IDLE && cancelled_at[other] == 0 ->
           cancelling[other] = DONE;
           cancelled_order[other] = 0;
           cancelled_under[other] = 0
         :: else
         fi;
         other++
       :: else -> break
       od;
       correction[0] = 0;
       rebuilding[0] = IDLE;
       mine[0] = 0;
       published[0] = 0;
       drained[0] = 0;
       rows_read[0] = 0;
       sweeping[0] = IDLE;
       swept_order[0] = 0;
       swept_under[0] = 0;
       returning[0] = IDLE;
       returned_order[0] = 0;
       returned_under[0] = 0;
       spend_event()
     }
#ifdef STANDBY
  :: d_step {
       !away && !has_failed_over && events > 0 ->
       away = 1;
       standby_sold = sold;
       standby_row[0] = row[0];
       standby_row[1] = row[1];
       spend_event()
     }
  :: d_step { away -> away = 0 }       /* it is back, and gets what it has missed */
  /* The primary is lost, and the standby promoted. Every pulse sees that this is another PostgreSQL (R6). */
  :: d_step {
       away ->
       away = 0;
       has_failed_over = 1;
       sold = standby_sold;
       row[0] = standby_row[0];
       row[1] = standby_row[1];
       correction[1] = epoch;
       check_rows()
     }
#endif
  od
}

/* ---- the end ----------------------------------------------------------------------------------------------------- */

#define ACCOUNTED_FOR (remaining + sold == STOCK)
#define MATCH(o) (row[o] == LIVE -> record[o] == HELD : record[o] != HELD)

/* Nothing is under way, and nothing is left that anybody would do by themselves; requests, cancels and faults may still
 * come. */
#define AT_REST(r) (at[r] == UNSENT || at[r] == DONE)
#define AT_REST_C(c) (cancelling[c] == IDLE || cancelling[c] == DONE)
#define KEEPS_STILL(i) (rebuilding[i] == IDLE && correction[i] == 0 && sweeping[i] == IDLE && returning[i] == IDLE)
#define QUIET (AT_REST(0) && AT_REST(1) && AT_REST(2) && AT_REST_C(0) && AT_REST_C(1) && \
               KEEPS_STILL(0) && KEEPS_STILL(1) && SERVED(epoch) && log[fence] == 0 && FREED_UNITS == 0)

/* P5, whenever all is quiet; a state that is neither quiet nor left is an invalid end state to pan. */
proctype Rest() {
  do
  :: d_step {
       QUIET ->
       HOLDS(P5_nothing_unwritten, (!(LOGGED & MASK(0)) || row[0] != NO_ROW) &&
                                   (!(LOGGED & MASK(1)) || row[1] != NO_ROW));
       HOLDS(P5_records_match_rows, MATCH(0) && MATCH(1));
#ifdef LIMIT
       HOLDS(P5_records_match_rows, total == (record[0] == HELD) + (record[1] == HELD));
#endif
       HOLDS(P5_stock_is_accounted_for, ACCOUNTED_FOR);
       HOLDS(P3_taken_order_is_written, (!taken[0] || row[0] != NO_ROW) && (!taken[1] || row[1] != NO_ROW))
     }
  od
}

init {
  atomic {
    run Request(0);
    run Request(1);
    run Request(2);
    byte c = 0;
    do
    :: c < CANCELS -> run Cancel(c); c++
    :: else -> break
    od;
    run Rebuild(0);
    run Rebuild(1);
    run Sweeper(1);
#if SWEEPERS == 2
    run Sweeper(0);
#endif
    run Faults();
#ifdef RESTS
    run RestEnds();
#endif
#ifdef ENDS
    run EndOfSale();
#endif
    run Rest()
  }
}

/* Who may append to a shard: the protocol of actors/cluster/ownership and
 * actors/store/membership_queries, for one shard, since shards do not know of
 * each other. Checked by spin (tests/cluster/check_model):
 *
 *   safety    no append is committed under an epoch whose successor has read
 *             the log; an epoch is granted once
 *   `served`  when nothing fails any more, the shard comes to an owner that
 *             knows it, and stays there
 *
 * A process that is frozen, slow or cut off is one whose lease the database
 * ends while it still believes in it: any step of any process may take any
 * time here, so nothing more is needed. An append on its way outlives what its
 * node learns meanwhile, since the writer is a process of its own.
 *
 * BUG plants one: 1 the epoch is checked before the lock is had; 2 a claim
 * does not raise the epoch; 3 a claim takes no lock; 4 what was granted without
 * the node's knowledge is kept.
 */

#ifndef BUG
#define BUG 0
#endif
#ifndef NODES
#define NODES 2
#endif
#ifndef FAULTS
#define FAULTS 2
#endif
#define NOBODY NODES

/* -- the database ---------------------------------------------------------- */

byte epoch = 0;        /* the row of the shard */
byte owner = NOBODY;
bool lease[NODES];     /* not ended by the database's clock */
bool settled[NODES];
byte sharers = 0;      /* the shard's lock: appends */
bool exclusive = false; /* or a claim */

/* -- what a node believes -------------------------------------------------- */

byte held[NODES];      /* the epoch it owns the shard under; 0: it does not */
bool mine[NODES];      /* its lease, by its own clock */

/* -- what only the checks know --------------------------------------------- */

byte read_under = 0;   /* the highest epoch under which the log was read */
byte last_granted = 0;
byte faults = FAULTS;

#define served (owner < NODES && lease[owner] && held[owner] == epoch)

/* The settled node with a lease that has the highest number should own the
 * shard; while none has settled, any; an owner counts itself. */
inline find_target(self, target) {
  target = NOBODY;
  k = 0;
  do
  :: k < NODES ->
     if
     :: lease[k] && settled[k] -> target = k
     :: else
     fi;
     k++
  :: else -> break
  od;
  if
  :: target == NOBODY -> target = self
  :: else
  fi;
  k = 0
}

inline give_up(self) {
  atomic {
    if
    :: owner == self -> epoch++; owner = NOBODY
    :: else
    fi
  }
}

/* Renews, looks, and does the one thing that is due. */
proctype node(byte self) {
  byte target, seen, k;
  bool can_claim, locked;
  do
  :: true ->
     /* One statement; what the node knows is its answer. */
     d_step {
       target = 0; seen = 0; can_claim = false; locked = false;
       if
       :: !lease[self] -> lease[self] = true; settled[self] = false
       :: else -> settled[self] = true
       fi;
       mine[self] = true
     };
     atomic {
       seen = epoch;
       find_target(self, target);
       can_claim = owner == NOBODY || owner == self || !lease[owner];
       if
       :: held[self] != 0 && held[self] < epoch -> held[self] = 0
       :: else
       fi
     };
     if
     :: held[self] != 0 && target != self ->
        /* Its runs end; then it is given up. */
        held[self] = 0;
        give_up(self)
     :: held[self] == 0 && target != self && owner == self ->
        /* Granted, and the process that asked never heard of it. */
#if BUG == 4
        skip
#else
        give_up(self)
#endif
     :: held[self] == 0 && target == self && can_claim ->
        d_step {
          target = 0;
          locked = !exclusive && sharers == 0;
          if
          :: locked -> exclusive = true
          :: else
          fi
        };
        if
#if BUG == 3
        :: true ->
#else
        :: locked ->
#endif
           atomic {
             if
             :: epoch == seen && lease[self] &&
                (owner == NOBODY || owner == self || !lease[owner]) ->
#if BUG != 2
                epoch++;
#endif
                owner = self;
                seen = epoch;
                assert(epoch > last_granted);
                last_granted = epoch;
                can_claim = true
             :: else -> can_claim = false
             fi
           };
           /* The commit gives the lock back. */
           if
           :: locked -> exclusive = false
           :: else
           fi;
           if
           :: can_claim ->
              /* Logs are read; `open` compares the epoch. */
              atomic {
                if
                :: epoch == seen -> read_under = seen; held[self] = seen
                :: else
                fi
              }
           :: else
           fi
#if BUG != 3
        :: else
#endif
        fi
     :: else
     fi
  :: atomic {
       /* The process dies, and one of its name follows. */
       faults > 0 -> faults--;
       held[self] = 0;
       mine[self] = false
     }
  od
}

/* Appends under whatever the node believes when it begins. */
proctype writer(byte self) {
  byte under;
  bool fits;
  do
  :: atomic { held[self] != 0 && mine[self] -> under = held[self] };
#if BUG == 1
     fits = epoch == under;
#endif
     atomic { !exclusive -> sharers++ };
#if BUG != 1
     fits = epoch == under;
#endif
     atomic {
       if
       :: fits -> assert(under >= read_under)
       :: else
       fi;
       sharers--;
       under = 0; fits = false
     }
  od
}

/* Leases end while their nodes do not know; or they know it first. */
proctype clock() {
  byte k;
  do
  :: atomic {
       faults > 0 -> faults--;
       select(k : 0 .. (NODES - 1));
       lease[k] = false;
       settled[k] = false
     }
  :: atomic {
       faults > 0 -> faults--;
       select(k : 0 .. (NODES - 1));
       mine[k] = false
     }
  :: faults == 0 -> break
  od
}

init {
  byte n = 0;
  atomic {
    do
    :: n < NODES -> run node(n); run writer(n); n++
    :: else -> break
    od;
    run clock()
  }
}

ltl owned { <>[] served }

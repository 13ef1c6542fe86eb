#!/usr/bin/env bash
# Checks the models of this directory with Spin.
#
#   check.sh            every model as built holds, ends, and fails as listed when a defence is removed; the paper's protocols fail
#   check.sh --trace    also prints the shortest event sequence found for every removal
#
# As built: full search, no error. Ends: no cycle, so that every run comes to rest, where Monitor judges it. Removed: the
# property listed is violated. Anything else makes the exit status 1. Needs spin, a C compiler; two runs at a time, each
# below 950 MB.

set -u
here=$(cd "$(dirname "$0")" && pwd)

holds='
lease   -DREVOKES=0
lease   -DMESSAGES=2
lease   -DFIRST=1 -DUNDISTURBED
lease   -DWINDOW=1
lease   -DHOSTILE -DUNDISTURBED -DWINDOW=1 -DACTS=4
lease   -DHOSTILE -DACTS=3 -DREVOKES=0
credit
credit  -DLIMIT=3 -DGRANTS=1
credit  -DSLOTS=1
reply
reply   -DCALLS=3
reply   -DRECALLS
wake    -DSECOND=0
wake    -DHOME=0
wake    -DHOME=0 -DACTIVE_LAST_LOOK
wake    -DHOME=0 -DSAME_LINK
wake    -DFIRST=3 -DSECOND=0 -DHOME=0
room    -DMESSAGES=3
room    -DMESSAGES=4 -DWINDOW=2
leader  -DTHREADS=2
leader  -DWAITS=1 -DMESSAGES=1
ticket
ticket  -DUNPROVED -DTICKETS=2
remote
'

ends='
lease   -DUNDISTURBED -DMESSAGES=2
credit  -DGRANTS=1
reply
reply   -DRECALLS
wake    -DSECOND=0
room
leader  -DTHREADS=2 -DWAITS=1
'

# What must be found in a model as it stands: the protocols as the paper prints them, and that what is built comes to a session at all.
found='
paper4  accepted_once            -DREPLAY
paper4  asker_is_who_it_is       -DIMPOSTURE
paper5  server_is_who_it_is      -DIMPOSTURE
paper5  key_stays_home           -DSECRET
ticket  no_session               -DREACH -DTICKETS=2
remote  no_session               -DREACH
'

# model, defence removed, property that must then fail, flags
removed='
lease   COMMIT_CAS               exactly_once_in_order  -DUNDISTURBED
lease   FRAME_FIRST              exactly_once_in_order  -DUNDISTURBED
lease   TAKE_CAS                 exactly_once_in_order  -DUNDISTURBED
lease   CLOSE_BEFORE_HARVEST     exactly_once_in_order  -DUNDISTURBED
lease   TAKE_CLOSE               exactly_once_in_order  -DUNDISTURBED
lease   CLOSE_BEFORE_MOVE        exactly_once_in_order  -DUNDISTURBED
lease   CLOSE_BEFORE_MOVE        nothing_lost
lease   NUCLEUS_PATH_CLOSES      exactly_once_in_order  -DUNDISTURBED
lease   AFTER                    exactly_once_in_order  -DUNDISTURBED
lease   AFTER_FIRST              exactly_once_in_order  -DUNDISTURBED
lease   RING_OF_SLOTS            copy_is_whole          -DUNDISTURBED -DFIRST=1
lease   TAKE_WORD_FIRST          all_delivered          -DUNDISTURBED
lease   EPOCH_COMMIT             exactly_once_in_order  -DUNDISTURBED
lease   EPOCH_TAKE               exactly_once_in_order  -DUNDISTURBED
lease   EPOCH_ANNOUNCED          exactly_once_in_order  -DUNDISTURBED
lease   EPOCH_CONSUMED           exactly_once_in_order  -DUNDISTURBED -DWINDOW=1
lease   COPY_BEFORE_CONSUMED     copy_is_whole          -DUNDISTURBED
lease   COPY_BEFORE_REGRANT      copy_is_whole          -DUNDISTURBED
lease   EPOCH_SLOT               no_frame_twice         -DUNDISTURBED -DHOSTILE -DWINDOW=1 -DACTS=3
lease   NUMBER_SLOT              no_frame_twice         -DUNDISTURBED -DHOSTILE -DWINDOW=1 -DACTS=3
lease   COPY_CHECK               no_frame_twice         -DUNDISTURBED -DHOSTILE -DWINDOW=1 -DACTS=4 -DGRANTS=1 -DREVOKES=0
lease   WINDOW_BOUND             within_window          -DUNDISTURBED -DHOSTILE -DWINDOW=1 -DACTS=3
credit  WINDOW_SUM               within_limit
credit  HOME_COUNT               within_limit
credit  ROOM_CHECK               within_limit
credit  ROOM_TO_GROW             within_limit
credit  CLOSE_ALL_WHEN_FULL      refused_only_when_full
credit  NONE_BLOCKED             no_lease_while_blocked
credit  BLOCKED_FIRST            waits_only_when_full
credit  WHOLE_REMARKED           waits_only_when_full
credit  WHOLE_AGAIN              waits_only_when_full
credit  SLOTS_OF_LIMIT           waits_only_when_full   -DSLOTS=1 -DGRANTS=1
reply   ARM_BEFORE_COMMIT        one_answer             -DUNDISTURBED
reply   REPLY_TAKE_CAS           one_answer             -DUNDISTURBED
reply   USED_CAS                 nobody_blocked         -DUNDISTURBED
reply   USED_BEFORE_GIVEN        right_found            -DUNDISTURBED
reply   CALLEE_CLOSED            nobody_blocked         -DUNDISTURBED
reply   NUMBER                   uncommitted_is_the_callers  -DUNDISTURBED
reply   NOTE_AT_LEASE_CLOSE      nobody_blocked         -DUNDISTURBED
reply   CLOSE_BEFORE_RESOLVE     right_found            -DUNDISTURBED
reply   CALLEE_PROMOTED          nobody_blocked         -DUNDISTURBED -DRECALLS
reply   PROMOTED_STAYS           nobody_blocked         -DUNDISTURBED -DRECALLS
wake    SENDER_FENCE             no_lost_wake_up        -DSECOND=0 -DHOME=0
wake    RECEIVER_FENCE           no_lost_wake_up        -DSECOND=0 -DHOME=0
wake    LAST_LOOK                no_lost_wake_up        -DSECOND=0 -DHOME=0
wake    NUMBER_AFTER_DRAIN       no_lost_wake_up        -DFIRST=2 -DSECOND=0 -DHOME=0 -DPOLLED
wake    NEW_NUMBER               no_lost_wake_up        -DFIRST=2 -DSECOND=0 -DHOME=0
wake    RING_WHEN_REMEMBERED     no_lost_wake_up        -DFIRST=2 -DSECOND=0 -DHOME=0
wake    PARK_FENCE               no_lost_wake_up        -DSECOND=0 -DHOME=0 -DACTIVE_LAST_LOOK
wake    PARK_RECHECK             no_lost_wake_up        -DSECOND=0 -DHOME=0 -DACTIVE_LAST_LOOK
wake    PARKED_RING              no_lost_wake_up        -DSECOND=0 -DHOME=0 -DACTIVE_LAST_LOOK
wake    PARKED_SCAN              no_lost_wake_up        -DSECOND=0 -DHOME=0 -DACTIVE_LAST_LOOK
wake    DRAIN_BEFORE_RESCAN      no_lost_wake_up        -DHOME=0 -DACTIVE_LAST_LOOK
room    WAITING_FENCE            no_lost_wake_up
room    CONSUMED_FENCE           no_lost_wake_up
room    WAITING_BEFORE_LOOK      no_lost_wake_up
room    LAST_LOOK                no_lost_wake_up
room    PLACE_FIRST              no_lost_wake_up
room    COUNT                    no_lost_wake_up
room    NEW_NUMBER               no_lost_wake_up        -DMESSAGES=3 -DOTHER=0
room    RING_WHEN_REMEMBERED     no_lost_wake_up        -DMESSAGES=3 -DOTHER=0
leader  HAND_OVER                somebody_leads         -DTHREADS=2 -DLEAVINGS=0
leader  HAND_OVER_ON_TIMEOUT     no_lost_wake_up        -DTHREADS=2 -DMESSAGES=1
leader  HAND_OVER_WHEN_NAMED     somebody_leads         -DWAITS=1 -DMESSAGES=1
leader  PLACE_FIRST              no_lost_wake_up        -DTHREADS=2 -DLEAVINGS=0
leader  TELL_OF_FRAMES           no_lost_wake_up        -DTHREADS=2 -DLEAVINGS=0
leader  TELL_OF_BELL             no_lost_wake_up        -DTHREADS=2 -DLEAVINGS=0
leader  TELL_AFTER_SLEEP         no_lost_wake_up        -DTHREADS=2 -DLEAVINGS=0
leader  NEWS                     no_lost_wake_up        -DTHREADS=2 -DLEAVINGS=0
leader  LAST_LOOK                no_lost_wake_up        -DTHREADS=2 -DLEAVINGS=0
leader  NEW_NUMBER               no_lost_wake_up        -DTHREADS=2 -DLEAVINGS=0
ticket  PROOF                    issued_only_if_asked
ticket  FRESH_GRANT              grant_is_fresh
ticket  PEER_IN_GRANT            server_is_asked_for    -DUNPROVED
ticket  SEALED_GRANT             server_is_who_it_is
ticket  DEADLINE                 server_is_who_it_is
ticket  EXPIRY                   asker_is_who_it_is
ticket  SINGLE_USE               one_session_per_ticket
ticket  ASKER_IN_TICKET          asker_is_who_it_is
ticket  CONFIRM                  acts_only_with_present
remote  CHANNEL                  server_is_who_it_is
remote  PEER_NODE                asker_is_who_it_is
remote  OUTSTANDING              server_is_who_it_is
remote  REQUEST_ID               answers_its_question
remote  KEY_STAYS                issued_only_if_asked
'

# build MODEL SPIN_FLAGS CC_FLAGS: leaves ./pan
build() {
    cp "$here/$1.pml" . && spin -a $2 "$1.pml" >spin.out 2>&1 && cc -w -DNOREDUCE -DCOLLAPSE -DMEMLIM=950 $3 -o pan pan.c >cc.out 2>&1
}

# A search counts only if it went through to the end.
complete() {
    grep -q 'errors: 0' pan.out && grep -q 'states, stored' pan.out && ! grep -qE 'too small|not completed|MEMLIM|aborting|out of memory' pan.out
}

states() { awk '/states, stored/ { print $1; exit }' pan.out; }
elapsed() { awk '/elapsed time/ { print $4 "s"; exit }' pan.out; }

one() {
    local kind=$1 model=$2; shift 2
    local directory; directory=$(mktemp -d "$work/run.XXXXXX"); cd "$directory" || exit 1
    case $kind in
    holds)
        build "$model" "$*" "-O2 -DSAFETY" && ./pan -E -m100000 >pan.out 2>&1
        if complete; then printf 'ok    %-8s holds: %s states %s  %s\n' "$model" "$(states)" "$(elapsed)" "$*"
        else printf 'WRONG %-8s does not hold or was not searched fully  %s\n' "$model" "$*"; grep -hE 'violated|too small|not completed|MEMLIM|rror' spin.out cc.out pan.out; fi ;;
    ends)
        build "$model" "$*" "-O2 -DNP" && ./pan -E -l -m100000 >pan.out 2>&1
        if complete; then printf 'ok    %-8s ends: no cycle, %s states %s  %s\n' "$model" "$(states)" "$(elapsed)" "$*"
        else printf 'WRONG %-8s may run for ever, or was not searched fully  %s\n' "$model" "$*"; grep -hE 'progress|too small|not completed|MEMLIM|rror' spin.out cc.out pan.out; fi ;;
    found)
        local expected=$1 seen; shift
        build "$model" "$*" "-O1 -DSAFETY -DBFS" && ./pan -E -m100000 >pan.out 2>&1
        seen=$(sed -n 's/.*assertion violated \([a-z_0-9]*\).*/\1/p' pan.out 2>/dev/null | head -n 1)
        if [ "$seen" = "$expected" ]; then printf 'ok    %-8s as it stands: %s fails  %s\n' "$model" "$seen" "$*"
        else printf 'WRONG %-8s as it stands: %s should fail, but: %s  %s\n' "$model" "$expected" "${seen:-nothing}" "$*"; fi
        if [ -n "$trace" ] && [ -f "$model.pml.trail" ]; then spin -t -T $* "$model.pml" | sed -n 's/^.*MSC: /          /p'; fi ;;
    removed)
        local defence=$1 expected=$2 found; shift 2
        build "$model" "-DNO_$defence $*" "-O1 -DSAFETY -DBFS" && ./pan -E -m100000 >pan.out 2>&1
        found=$(sed -n 's/.*assertion violated \([a-z_]*\).*/\1/p' pan.out 2>/dev/null | head -n 1)
        if [ "$found" = "$expected" ]; then printf 'ok    %-8s without %-24s %s fails  %s\n' "$model" "$defence" "$found" "$*"
        else printf 'WRONG %-8s without %-24s %s should fail, but: %s  %s\n' "$model" "$defence" "$expected" "${found:-nothing}" "$*"; fi
        if [ -n "$trace" ] && [ -f "$model.pml.trail" ]; then
            spin -t -T "-DNO_$defence" $* "$model.pml" | sed -n 's/^.*MSC: /          /p'
        fi ;;
    esac >report
    cat report                                      # in one write, so that reports do not mix
    cd "$work" && rm -rf "$directory"
}

if [ "${1-}" = --one ]; then
    shift; one $1; exit
fi

trace=; [ "${1-}" = --trace ] && trace=yes
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
export work trace

# A defence that no line removes would be a claim unchecked.
status=0
for model in lease credit reply wake room leader ticket remote; do
    for defence in $(grep -oE '^#ifn?def NO_[A-Z_]+' "$here/$model.pml" | sed 's/.*NO_//' | sort -u); do
        grep -qE "^$model +$defence " <<<"$removed" || { echo "WRONG $model: nothing removes $defence"; status=1; }
    done
done

# Messages, fields and defences of the protocols of security: each stands in the code where names.txt says, and each defence has its line there.
while IFS=$'\t' read -r kind name place models _; do
    case $kind in message | part | defence) ;; *) continue ;; esac
    file=${place%%: *}
    grep -qF -- "${place#*: }" "$here/../$file" 2>/dev/null || { echo "WRONG names.txt: $kind $name is not in $place"; status=1; }
    for model in $models; do
        grep -qE "(^|[^A-Z_])(NO_)?$name([^A-Z_]|\$)" "$here/$model.pml" || { echo "WRONG names.txt: $kind $name is not in $model.pml"; status=1; }
    done
done <"$here/names.txt"
for model in ticket remote; do
    for defence in $(grep -oE '^#ifn?def NO_[A-Z_]+' "$here/$model.pml" | sed 's/.*NO_//' | sort -u); do
        grep -qP "^defence\t$defence\t[^\t]*\t([a-z ]* )?$model( |\t)" "$here/names.txt" || { echo "WRONG names.txt: no defence $defence of $model"; status=1; }
    done
done

{
    sed '/^$/d; s/^/holds /' <<<"$holds"
    sed '/^$/d; s/^/found /' <<<"$found"
    sed '/^$/d; s/^/ends /' <<<"$ends"
    sed '/^$/d; s/^/removed /' <<<"$removed"
} >"$work/runs"
xargs -d '\n' -P 2 -I RUN "$here/check.sh" --one RUN <"$work/runs" | tee "$work/report"

runs=$(wc -l <"$work/runs")
right=$(grep -c '^ok ' "$work/report")
[ "$right" -eq "$runs" ] || status=1
echo "$right of $runs as they must be, in $SECONDS s"
exit $status

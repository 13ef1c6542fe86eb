# The models of the lease, sleep and session protocols hold, and break when a defence is removed.

absent() { [[ -x Formal/check.sh ]] || echo "Formal/check.sh is not in this tree yet"; }

run() { Formal/check.sh; }

# The simulator has been wherever the node has been: no kind of event met a kind of state in the suite that no simulated kernel has seen, nor the reference model judged.

places=.build/situations

absent() {
    compgen -G "$places/node/*" >/dev/null || { echo "the stages unit and demo have written no situations"; return; }
    [[ -s $places/simulator ]] || echo "the stage simulate has written no situations"
}

run() {
    export LC_ALL=C
    sort -u "$places"/node/* >"$places/met"
    # Of simulated nodes that have no other, and of several of them: the second kind in the unit tests of the network. And of real ones on which
    # the reference model has looked at every step (Documentation/Decisions/0018).
    sort -u "$places/simulator" "$places"/simulated-nodes-* "$places"/modelled-* >"$places/simulated"
    echo "the node met $(wc -l <"$places/met") kinds:"
    sed 's/^/    /' "$places/met"
    echo "the simulator and the model met $(wc -l <"$places/simulated") kinds:"
    sed 's/^/    /' "$places/simulated"
    comm -23 "$places/met" "$places/simulated" >"$places/missing"
    if [[ -s $places/missing ]]; then
        echo "the node met, and neither the simulator nor the model did:"
        sed 's/^/    /' "$places/missing"
        return 1
    fi
}

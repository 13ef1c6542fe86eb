# Every benchmark once, briefly: it runs to its end and writes its rows. The figures are for `make bench`.
long=yes

absent() { [[ -x Benchmarks/run ]] || echo "Benchmarks/run is not in this tree yet"; }

run() { Benchmarks/run --smoke; }

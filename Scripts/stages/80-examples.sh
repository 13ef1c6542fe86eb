# Each example is under a hundred lines and builds; Examples/run, if there is one, runs them and judges what they print.

absent() { compgen -G 'Examples/*' >/dev/null || echo "Examples is not in this tree yet"; }

run() {
    local file lines long=no
    while IFS= read -r -d '' file; do
        lines=$(wc -l <"$file")
        if [[ $lines -ge 100 ]]; then
            echo "$file: $lines lines; an example has fewer than 100"
            long=yes
        fi
    done < <(find Examples -name '.build*' -prune -o \( -name '*.swift' -o -name '*.c' \) -not -name Package.swift -type f -print0)
    [[ $long == no ]]
    while IFS= read -r -d '' file; do
        swift build --package-path "$(dirname "$file")"
    done < <(find Examples -name '.build*' -prune -o -name Package.swift -type f -print0)
    if [[ -x Examples/run ]]; then Examples/run; fi
}

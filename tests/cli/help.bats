# The words of the command line: help, hints, exit statuses, completion, manual.
load common
setup_file() { suite_setup; }
teardown_file() { suite_teardown; }

@test "every command explains itself" {
    names=$(cooper help | awk '/^  [a-z]+ /{print $1}')
    [ "$(wc -w <<<"$names")" -gt 10 ]
    for name in $names; do
        run -0 cooper "$name" --help
        [[ $output == "Usage: cooper $name"* ]]
        [[ $output == *"--root DIR"* ]]
        run -0 cooper help "$name"
        [[ $output == *Example:* ]]
    done
}

@test "no command at all shows the list on stderr and is a usage error" {
    run -2 --separate-stderr cooper
    [ -z "$output" ]
    [[ $stderr == *"Usage: cooper COMMAND"* ]]
}

@test "a misspelt command gets a suggestion" {
    run -2 --separate-stderr cooper biuld .
    [[ $stderr == *"there is no command 'biuld'"* ]]
    [[ $stderr == *"did you mean 'cooper build'?"* ]]
}

@test "the words of other programs lead to ours" {
    local word ours
    while read -r word ours; do
        run -2 --separate-stderr cooper "$word"
        [[ $stderr == *"'$word' is 'cooper $ours' here"* ]] || { echo "$word: $stderr"; return 1; }
        cooper help "$ours" >/dev/null
    done <<'EOF'
save export
import load
bud build
image images
EOF
    run -2 --separate-stderr cooper ps
    [[ $stderr == *"there is no daemon"* ]]
}

@test "a misspelt option gets a suggestion" {
    run -2 --separate-stderr cooper images --formt json
    [[ $stderr == *"unknown option '--formt'"* ]]
    [[ $stderr == *"did you mean --format?"* ]]
}

@test "an option without its value, a wrong value, too many arguments" {
    run -2 --separate-stderr cooper images --format
    [[ $stderr == *"--format wants a value"* ]]
    run -2 --separate-stderr cooper images --color sometimes
    [[ $stderr == *"auto, always or never"* ]]
    run -2 --separate-stderr cooper version much too many
    [[ $stderr == *"does not know what to do with 'much'"* ]]
    run -2 --separate-stderr cooper tag only-one
    [[ $stderr == *"wants"* ]]
}

@test "the version is one line" {
    run -0 cooper --version
    [[ $output =~ ^cooper\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
    run -0 cooper version
    [[ $output =~ ^cooper\ [0-9] ]]
}

@test "a result that cannot be written is a failure" {
    [ -e /dev/full ] || skip "there is no /dev/full"
    run -1 --separate-stderr bash -c '"$COOPER" version >/dev/full'
    [[ $stderr == *"could not be written"* ]]
}

# What bash offers at the end of a line; words are taken apart as readline does it, at blanks, '=' and ':'.
bash_offers() {
    PATH=$SUITE_DIR/bin:$PATH bash -c '
        source <("$COOPER" completion bash)
        read -ra COMP_WORDS <<<"$(sed "s/[=:]/ & /g" <<<"$1")"
        [[ $1 != *[\ =:] ]] || [[ $1 == *[=:] ]] || COMP_WORDS+=("")
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMP_LINE=$1 COMP_POINT=${#1}
        "$(complete -p cooper | sed "s/.*-F \([^ ]*\).*/\1/")"
        echo "${COMPREPLY[@]}"' bash "$1"
}

with_image() {
    mkdir -p "$SUITE_DIR/bin"
    ln -sf "$COOPER" "$SUITE_DIR/bin/cooper"
    cooper images | grep -q ^shelf/box || printf 'FROM scratch\nLABEL a=b\n' | cooper build -q -t shelf/box:1 - >/dev/null
}

@test "bash completes commands, options, choices and images" {
    with_image
    while IFS='|' read -r line want; do
        got=$(bash_offers "$line")
        [ "$got" = "$want" ] || { echo "'$line': '$got', not '$want'"; false; }
    done <<'EOF'
cooper pru|prune
cooper build --no-cache-|--no-cache-filter
cooper build --print |ast plan context outline targets
cooper build --print=pl|plan
cooper --color |auto always never
cooper --root /tmp images --form|--format
cooper images --format j|json
cooper run she|shelf/box shelf/box:1
cooper run shelf/box:|1
cooper run -it shelf/b|shelf/box shelf/box:1
cooper help comp|completion
cooper completion f|fish
cooper build -t |
EOF
}

@test "zsh takes its completion script" {
    need zsh
    zsh -fc 'autoload -U compinit && compinit -D && source <("$COOPER" completion zsh) && [[ -n ${_comps[cooper]} ]]'
}

@test "fish completes commands, options, choices and images" {
    need fish
    with_image
    offers() { PATH=$SUITE_DIR/bin:$PATH fish -c 'cooper completion fish | source; complete -C "$argv[1]"' "$1" | cut -f1; }
    cooper completion fish | fish --no-execute
    [ "$(offers "cooper pru")" = prune ]
    [ "$(offers "cooper build --no-cache-")" = --no-cache-filter ]
    [ "$(offers "cooper build --print p")" = plan ]
    [ "$(offers "cooper run shelf")" = shelf/box:1 ]
    [ "$(offers "cooper completion z")" = zsh ]
}

@test "there is no completion for other shells" {
    run -2 --separate-stderr cooper completion tcsh
    [[ $stderr == *"bash, zsh and fish"* ]]
}

@test "the manual has a page for each command, with its options and examples" {
    need scdoc
    for name in $(cooper help | awk '/^  [a-z]+ /{print $1}'); do
        page=$BUILD_ROOT/man/cooper-$name.1
        [ -s "$page" ] || { echo "no page for $name"; false; }
        grep -q EXAMPLES "$page" || { echo "no examples for $name"; false; }
        for option in $(cooper help "$name" | sed -n '/^Options:/,/^$/s/^ *\(-[a-z], \)\{0,1\}--\([a-z-]*\).*/\2/p'); do
            sed 's/\\-/-/g' "$page" | grep -q -- "--$option" || { echo "cooper-$name.1 lacks --$option"; false; }
        done
    done
}

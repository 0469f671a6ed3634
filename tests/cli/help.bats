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

@test "completion scripts are valid and know the options" {
    run -0 cooper completion bash
    bash -n <<<"$output"
    [[ $output == *"--build-arg"* ]]
    run -0 cooper completion fish
    [[ $output == *"-l build-arg"* ]]
    run -2 cooper completion tcsh
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

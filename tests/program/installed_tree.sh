#!/usr/bin/env bash
# Tests an installed moesim in any place: it runs, finds its studies and moesim-f64; its manual page and completions have exactly
# what --help and `moesim list options` have. Needs bash; uses man, mandoc, zsh and fish if they are installed. Usage: installed_tree.sh PREFIX [VERSION]
set -u
prefix=$(cd "$1" && pwd) || exit 2
moesim=$prefix/bin/moesim
fail() { echo "installed: $*" >&2; exit 1; }
there() { command -v "$1" > /dev/null || { echo "skipped: $2 (no $1)"; return 1; }; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2

# Program.
version=$("$moesim" --version) || fail "--version fails"
[[ $version =~ ^moesim\ ([0-9]+\.[0-9]+\.[0-9]+)\ \(.+\)$ ]] || fail "--version: $version"
version=${BASH_REMATCH[1]}
[ "${2:-$version}" = "$version" ] || fail "version $version, not $2"
[[ $("$moesim" --help) == "moesim $version: "* ]] || fail "--help names another version"
studies=$prefix/share/moesim/experiments
small=(run.steps=10 model.layers=1 train.batch=4 data.validation=8 data.length=16 eval.every=5)
"$moesim" run "$studies/quickstart.ini" "${small[@]}" router.name=dense,token_choice run.seed=0,1 --threads 1 > table 2> log || fail "a sweep: $(tail -3 log)"
"$moesim" compare runs/quickstart > again 2> log || fail "compare: $(cat log)"
for arm in dense token_choice; do grep -q "^$arm  *2 " again || fail "compare has no row of $arm: $(cat again)"; done
for i in {1..200}; do echo "line $i of a text that is long enough to be split into sequences"; done > text.txt
"$moesim" run "$studies/shakespeare_routers.ini" data.path=text.txt data.length=16 --dry-run --trial 0 > table 2> log || fail "a study that includes another: $(cat log)"
printf 'include = <quickstart.ini>\n[run]\nname = own\n' > own.ini
for config in own.ini quickstart.ini; do
  "$moesim" run $config --dry-run --trial 0 --json > table 2> log || fail "$config, by the name of a study: $(cat log)"
  [ "$(grep -c '"seed"' table)" -ge 21 ] || fail "$config has not the runs of the quickstart"
done
if [ -x "$prefix/bin/moesim-f64" ]; then
  "$moesim" check affine > table 2>&1 || fail "check, with moesim-f64 beside it: $(tail -3 table)"
else
  echo "skipped: moesim check (no moesim-f64 in $prefix/bin)"
fi

# What the program says of itself, by --help and list options.
"$moesim" --help | sed -n 's/^  \([a-z-]*\)  *[^ ].*/\1/p' > commands
[ "$(wc -l < commands)" -ge 13 ] || fail "--help lists $(wc -l < commands) commands"
while read -r command; do "$moesim" "$command" --help | sed -n 's/^  \(-h \[ \)\{0,1\}\(--[a-z0-9-]*\).*/\2/p' | sort > "options.$command"; done < commands
[ "$(wc -l < options.run)" -ge 15 ] || fail "run --help lists $(wc -l < options.run) options"
"$moesim" list options --json > options.json
sed -n 's/^ *"option": "\(.*\)",*$/\1/p' options.json | sort > keys
[ "$(wc -l < keys)" -ge 120 ] || fail "list options has $(wc -l < keys) keys"

# Manual page: as text, in which '-' is written '\-'.
page=$(ls "$prefix"/share/man/man1/moesim.1*) || fail "no manual page"
case $page in *.gz) gzip -dc "$page" ;; *) cat "$page" ;; esac | sed 's/\\-/-/g; s/\\fB//g; s/\\fR//g' > page
grep -q "^\.TH MOESIM 1 .*\"moesim $version\"" page || fail "the manual page is of another version"
while read -r command; do
  sed -n "/^\.SS \"moesim $command /,/^\.S[SH] /p; /^\.SS \"moesim $command\"/,/^\.S[SH] /p" page > section
  sed -n 's/^\(-h, \)\{0,1\}\(--[a-z0-9-]*\).*/\2/p' section | sort | diff - "options.$command" > log || fail "options of $command in the manual page: $(cat log)"
done < commands
sed -n '/^\.SH SETTINGS/,/^\.SH "EXIT/p' page | grep -A1 '^\.TP' | grep -x '[a-z_0-9]*\(\.[a-z_0-9]*\)*' | sort | diff - keys > log || fail "settings in the manual page: $(cat log)"
if there man "the manual page, shown"; then
  MANPATH=$prefix/share/man LC_ALL=C.UTF-8 MANWIDTH=200 man --warnings=all moesim > shown 2> log || fail "man: $(cat log)"
  [ -s log ] && fail "man warns: $(cat log)"
  for word in router.token_choice.capacity_factor --dry-run 'EXIT STATUS'; do grep -q -- "$word" shown || fail "man does not show $word"; done
fi
if there mandoc "the manual page by mandoc"; then
  case $page in *.gz) gzip -dc "$page" > moesim.1 ;; *) cp "$page" moesim.1 ;; esac
  mandoc -T lint -W error moesim.1 > log || fail "mandoc: $(cat log)"
fi

# same LINE FILE: what $shell completes for LINE is what FILE has.
same() { "complete_$shell" "$1" < /dev/null | sort -u | diff - "$2" > log || fail "$shell completes '$1' otherwise: $(cat log)"; }
completes() {
  shell=$1
  while read -r command; do same "moesim $command --" "options.$command"; done < commands
  sed 's/$/=/' keys > expected
  same 'moesim run a.ini ' expected
  "$moesim" list routers --json | sed -n 's/^ *"name": "\(.*\)",*$/\1/p' | sort > routers
  sed 's/^/router.name=/' routers > expected
  same 'moesim run a.ini router.name=' expected
  sed 's/^/router.name=hash,/' routers > expected
  same 'moesim run a.ini router.name=hash,' expected
  { cat routers; "$moesim" list experts --json | sed -n 's/^ *"name": "\(.*\)",*$/\1/p'; } | sort > expected
  same 'moesim check ' expected
  printf '%s\n' csv html json latex md text > expected
  same 'moesim compare runs --format ' expected
  printf '%s\n' datasets experts options routers tasks > expected
  same 'moesim list ' expected
  printf '%s\n' run > expected
  same 'moesim ru' expected
  mkdir -p configs/more && touch configs/a.ini configs/b.txt
  [[ $("complete_$shell" 'moesim run configs/a') == *a.ini* ]] || fail "$shell completes no config"
}

# Bash splits words at '=' before it calls the function, and puts what comes back behind the last of them.
complete_bash() {
  COMP_LINE=$1 COMP_POINT=${#1}
  read -ra COMP_WORDS <<< "${1//=/ = }"
  [[ $1 == *' ' ]] && COMP_WORDS+=('')
  COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
  _moesim
  local before=${1##* }
  [[ $before == *=* ]] && before=${before%%=*}= || before=''
  [ ${#COMPREPLY[@]} -eq 0 ] || printf '%s\n' "${COMPREPLY[@]/#/$before}"
}
(set -e; . "$prefix/share/bash-completion/completions/moesim") || fail "the completions of bash cannot be read"
. "$prefix/share/bash-completion/completions/moesim"
complete -p moesim | grep -q _moesim || fail "bash has no completion of moesim"
completes bash
# As bash-completion finds it.
loader=/usr/share/bash-completion/bash_completion
if [ "$prefix" = /usr ] && [ -e $loader ]; then
  bash -c ". $loader; _completion_loader moesim; complete -p moesim" | grep -q _moesim || fail "bash-completion does not find the completions"
fi

complete_fish() { fish --no-config -c 'source $argv[1]; complete -C $argv[2]' "$prefix/share/fish/vendor_completions.d/moesim.fish" "$1" | cut -f 1 | grep -v '^-h$'; }
if there fish "completions of fish"; then completes fish; fi

# A shell in a terminal of its own, in which the key TAB writes down what compadd is given.
# Every call has a pipe and a file of its own, and waits for the word that it was promised.
complete_zsh() {
  rm -f said matches
  mkfifo said
  timeout 60 zsh -f -c '
    zmodload zsh/zpty
    wait_for() { local word; until { read -r word < said } && [[ $word == $1 ]]; do :; done }
    zpty child "zsh -f -i"
    zpty -w child "source ./zsh_inside"
    wait_for ready
    zpty -w -n child "$1"$'"'\t'"'
    wait_for completed
    cat matches' - "$1" | if [[ $1 == *=* ]]; then sed "s/^/$(sed 's/.* //; s/[^=,]*$//' <<< "$1")/"; else cat; fi
}
if there zsh "completions of zsh"; then
  folder=$(dirname "$(ls "$prefix"/share/zsh/*/_moesim)")
  cat > zsh_inside <<END
PS1= PS2=
fpath=("$folder" \$fpath)
autoload -Uz compinit && compinit -u -D
compadd() {
  local -a found
  builtin compadd -O found "\$@"
  (( \$#found )) && print -rl -- \$found >> matches
  builtin compadd "\$@"
}
finish() { : > matches; zle complete-word; print completed > said; }
zle -N finish
bindkey '^I' finish
setopt no_always_last_prompt
print ready > said
END
  completes zsh
fi
echo "installed: moesim $version in $prefix"

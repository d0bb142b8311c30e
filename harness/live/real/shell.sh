# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# What a shell does with processes. Whatever is slow or fast here, it says the same.
# Useless echoes and substitutions are what this is for.
# shellcheck disable=SC2005,SC2116
dir=$1
rm -f "$dir/hold" "$dir/ready"
mkfifo "$dir/hold" "$dir/ready"

echo '-- pipes'
seq 1 500 | grep 7 | sort -rn | head -n 3
yes | head -n 1000 | wc -l
yes | head -n 1 | cat >/dev/null; echo "${PIPESTATUS[@]}"
seq 100 | while read -r n; do echo $((n * n)); done | { sum=0; while read -r n; do sum=$((sum + n)); done; echo $sum; }
seq 1 12 | xargs -n 1 -P 4 sh -c 'exit 0'; echo "xargs $?"
paste -d + <(seq 3) <(seq 4 6) <(echo a; echo b; echo c)
cat <<-END | tr ab AB
	a$(echo bc)
END

echo '-- subshells'
( ( (exit 7); echo $?; exit 8); echo $?; (kill -TERM $BASHPID); echo $?; exit 9); echo $?
for n in 1 2 3 4 5 6 7 8 9 10; do x=$(echo "$(echo "$(echo "$n")")") || exit; printf '%s ' "$x"; done; echo
(exec sh -c 'sh -c "exit 3"; exit $?'); echo $?

echo '-- traps'
got=0
trap 'got=$((got + 1))' USR1
for n in 1 2 3 4 5 6; do (kill -USR1 $$); done
echo "USR1 $got"
(trap 'echo "exit trap of a subshell"' EXIT; exit 5); echo $?
(trap 'echo TERM; exit 4' TERM; echo ready >"$dir/ready"; while :; do read -r _ <"$dir/hold"; done) &
read -r line <"$dir/ready"; echo "$line"; kill -TERM $!; wait $!; echo $?
(trap '' TERM; (kill -TERM $BASHPID; echo "ignored, here too")); echo $?
# signals from all sides while forks go on
for n in 1 2 3 4; do (for _ in 1 2 3 4 5 6 7 8 9 10; do kill -USR1 $$; (:); done) & done
for n in 1 2 3 4 5 6 7 8 9 10; do (exit $n); [ $? = $n ] || echo "lost $n"; done
until wait; do :; done
[ $got -gt 6 ] && echo 'USR1 came'
trap - USR1

echo '-- background'
pids=()
for n in 1 2 3 4 5 6 7 8; do (exit $n) & pids+=($!); done
for pid in "${pids[@]}"; do wait "$pid"; printf '%s ' $?; done; echo
for n in 1 2 3; do (exit 66) & done
found=0
while wait -n; code=$?; [ $code != 127 ]; do [ $code = 66 ] && found=$((found + 1)); done
echo "found $found"
# dead before, while or after it is born: nobody knows
for n in 1 2 3 4 5 6 7 8; do { (: ; (:)) & kill -9 $!; wait $!; } 2>/dev/null; done
(read -r line <"$dir/hold"; echo "orphan $line" >"$dir/ready") &
echo lives >"$dir/hold"; read -r line <"$dir/ready"; echo "$line"; wait
( (sh -c 'read -r line; echo "orphan $line"' <"$dir/hold" >"$dir/ready" &) & )
echo 'of orphans' >"$dir/hold"; read -r line <"$dir/ready"; echo "$line"

echo '-- coproc'
coproc double { while read -r n; do echo $((2 * n)); done; echo end; }
for n in 1 20 300; do echo $n >&"${double[1]}"; read -r x <&"${double[0]}"; echo "$x"; done
out=${double[0]}; in=${double[1]}; exec {copy}<&"$out" {in}>&-
read -r x <&"$copy"; echo "$x"; wait

echo '-- job control'
set -m
died=0
trap 'died=$((died + 1))' CHLD
sh -c 'exit 3'; sh -c 'exit 4' | cat
(exit 5) & wait $!; echo $?
trap - CHLD
[ $died -ge 3 ] && echo 'CHLD came'
cat "$dir/hold" >/dev/null &
kill -STOP %%; wait %% 2>/dev/null; echo $?
jobs -s | sed 's/^[^ ]* *//; s/  */ /g'
kill -CONT %%; exec 9>"$dir/hold"; { kill -TERM %%; wait %%; } 2>/dev/null; echo $?; exec 9>&-
sh -c 'kill -STOP $$; exit 12' & wait $! 2>/dev/null; echo $?
fg %% >/dev/null; echo $?
sh -c 'kill -TSTP $$; exit 13' & wait $! 2>/dev/null; bg %% >/dev/null; wait $!; echo $?
setsid -w sh -c 'exit 14' & wait $!; echo $?
set +m

trap 'echo "exit trap"; (exit 1); exit 21' EXIT
exit 7

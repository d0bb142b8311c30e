# SPDX-License-Identifier: MIT
# bash completion of scion(1)
# shellcheck shell=bash

_scion()
{
	local current=${COMP_WORDS[COMP_CWORD]}
	local previous=${COMP_WORDS[COMP_CWORD - 1]}
	local verb=${COMP_WORDS[1]:-}
	local words='' i

	# Behind "--" stands somebody else's command.
	for ((i = 2; i < COMP_CWORD; i++)); do
		if [[ ${COMP_WORDS[i]} == -- ]]; then
			if ((i + 1 == COMP_CWORD)); then
				mapfile -t COMPREPLY < <(compgen -c -- "$current")
			else
				mapfile -t COMPREPLY < <(compgen -f -- "$current")
			fi
			return
		fi
	done

	if ((COMP_CWORD == 1)); then
		mapfile -t COMPREPLY < <(compgen -W 'run attach inject payload doctor' -- "$current")
		return
	fi
	case $previous in
	-p | --pid)
		mapfile -t COMPREPLY < <(compgen -W "$(ps -eo pid=)" -- "$current")
		return
		;;
	-o | --output | --trace-json)
		mapfile -t COMPREPLY < <(compgen -f -- "$current")
		return
		;;
	-a | --at)
		mapfile -t COMPREPLY < <(compgen -S = -W 'fork fork:parent fork:child fork:both exec
			exit thread thread:parent thread:child thread:both attach signal' -- "$current")
		compopt -o nospace
		return
		;;
	esac
	case $verb in
	run)
		words='--at -o --json --quiet --tree --trace-json --log=stops --log=ptrace --limit
			--placement=off --kill-on-exit --fork-stop=event --i-want-the-bug --'
		;;
	attach)
		words='-p --at -o --json --quiet --tree --trace-json --log=stops --log=ptrace --limit
			--placement=off --kill-on-exit --fork-stop=event --i-want-the-bug'
		;;
	inject) words='-p --tid --all-threads --limit --json call count dlopen nop ring syscall whoami' ;;
	payload) words='build check list --json -o' ;;
	doctor) words='--json -o' ;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}
complete -o default -F _scion scion

# bash completion for kftrayctl. What fits is kftrayctl's own to know ("kftrayctl __complete"); this only
# hands over the words and quotes the answers.

_kftrayctl() {
  local line=${COMP_LINE:0:COMP_POINT} word prefix="" candidate
  local -a words
  read -ra words <<<"$line"
  # After a blank a new word begins.
  [[ $line == *[[:blank:]] ]] && words+=("")
  word=${words[-1]}
  # bash itself begins a new word at these, so what stands before must not be offered again.
  [[ $word == *[=:]* ]] && prefix=${word%"${word##*[=:]}"}

  COMPREPLY=()
  while IFS=$'\t' read -r candidate _; do
    if [[ $candidate == __files ]]; then
      compopt -o filenames 2>/dev/null
      mapfile -t COMPREPLY < <(compgen -f -- "$word")
      return
    fi
    # KEY= goes on with its value.
    [[ $candidate == *= ]] && compopt -o nospace 2>/dev/null
    printf -v candidate %q "$candidate"
    # Quoting takes no "=", but keeps it where it was.
    COMPREPLY+=("${candidate#"$prefix"}")
  done < <("${COMP_WORDS[0]}" __complete "${words[@]:1}" 2>/dev/null)
}

complete -F _kftrayctl kftrayctl

# fish completion for kftrayctl. What fits is kftrayctl's own to know ("kftrayctl __complete"); this only
# hands over the words. fish shows what is behind the tab as the explanation.

function __kftrayctl_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l found ($words[1] __complete $words[2..-1] "$current" 2>/dev/null)
    if test "$found" = __files
        __fish_complete_path "$current"
    else if test (count $found) -gt 0
        printf '%s\n' $found
    end
end

complete -c kftrayctl -f -a '(__kftrayctl_complete)'

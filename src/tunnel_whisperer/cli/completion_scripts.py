"""What a shell runs when somebody presses TAB behind ``tw``: it asks ``tw --complete``, and no more.

No script lets its shell expand, evaluate or run anything of what was typed or of what is answered:
words are passed on as they are, and answers are only ever offered.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["PLACES", "SCRIPTS"]

_BASH = r"""# tw: completion for bash 4 or newer
_tw_complete() {
    local line words=("${COMP_WORDS[@]:1:COMP_CWORD}")
    local last=$((COMP_CWORD - 1))
    words[last]="=${words[last]-}"
    COMPREPLY=()
    while IFS= read -r line; do
        case $line in
            :files) compopt -o default ;;
            :dirs) compopt -o dirnames ;;
            *) COMPREPLY+=("${line%%$'\t'*}") ;;
        esac
    done < <(command tw --complete "${words[@]}" 2>/dev/null)
}
complete -F _tw_complete tw
"""

_ZSH = r"""#compdef tw
# tw: completion for zsh
_tw() {
    local line name what
    local -a typed names shown
    typed=("${(@)words[2,CURRENT]}")
    typed[-1]="=${typed[-1]}"
    while IFS= read -r line; do
        case $line in
            :files) _files ;;
            :dirs) _files -/ ;;
            *)
                name=${line%%$'\t'*}
                what=${line#"$name"}
                names+=("$name")
                shown+=("$name${what:+  -- }${what#$'\t'}")
                ;;
        esac
    done < <(command tw --complete "${typed[@]}" 2>/dev/null)
    (( ${#names} )) && compadd -l -d shown -a names
}
if [[ $funcstack[1] == _tw ]]; then
    _tw "$@"
else
    compdef _tw tw
fi
"""

_FISH = r"""# tw: completion for fish
function __tw_complete
    set -l typed (commandline -opc)
    set -e typed[1]
    set -l part (commandline -ct)
    for line in (command tw --complete $typed "=$part" 2>/dev/null)
        switch $line
            case :files
                __fish_complete_path "$part"
            case :dirs
                __fish_complete_directories "$part"
            case '*'
                echo -- $line
        end
    end
end
complete -c tw -f -a '(__tw_complete)'
"""

_POWERSHELL = r"""# tw: completion for PowerShell 5 or newer
Register-ArgumentCompleter -Native -CommandName tw -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $typed = @($commandAst.CommandElements | Select-Object -Skip 1 |
        Where-Object { $_.Extent.EndOffset -lt $cursorPosition } | ForEach-Object { $_.Extent.Text })
    & (Get-Command tw -CommandType Application | Select-Object -First 1) --complete @typed "=$wordToComplete" 2>$null |
        Where-Object { $_ -and -not $_.StartsWith(':') } | ForEach-Object {
            $name, $what = $_ -split "`t", 2
            if (-not $what) { $what = $name }
            [System.Management.Automation.CompletionResult]::new($name, $name, 'ParameterValue', $what)
        }
}
"""

SCRIPTS: Mapping[str, str] = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH, "powershell": _POWERSHELL}

PLACES: Mapping[str, str] = {
    "bash": "~/.local/share/bash-completion/completions/tw, or source it in ~/.bashrc",
    "zsh": "a file _tw in a directory of $fpath, or source it in ~/.zshrc behind compinit",
    "fish": "~/.config/fish/completions/tw.fish",
    "powershell": "a file that $PROFILE runs",
}
"""Where a shell finds it."""

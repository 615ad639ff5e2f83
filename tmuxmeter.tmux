#!/usr/bin/env bash
# tmuxmeter's entry for tmux: TPM runs it, or one line in tmux.conf does:
#   run-shell /path/to/tmuxmeter/tmuxmeter.tmux
# It starts the meter for the server it runs in. It binds no keys but those that @tmuxmeter_pause_key and
# @tmuxmeter_menu_key name, and runs nothing per refresh.

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source=shell/plugin.sh
. "$here/shell/plugin.sh"

tmuxmeter_start "$here"

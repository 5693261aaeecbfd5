#!/bin/sh
# Prints what came due while no session was there; Claude Code adds it to the session's context.
# A failure is one line, and never keeps a session from its start.
if ! command -v remembrancer >/dev/null 2>&1; then
  echo "Remembrancer cannot say what came due: its command is not on the PATH (pip install 'remembrancer[mcp]')."
  exit 0
fi
graph="${REMEMBRANCER_GRAPH:-$HOME/.remembrancer}"
remembrancer take --hook --serve --within 20 --queue claude-code --graph "$graph" </dev/null 2>/dev/null ||
  echo "Remembrancer cannot say what came due: \`remembrancer take\` ended with exit code $?. What waits is kept."
exit 0

// tmuxmeter's plugin for OpenCode, written by `tmuxmeter hooks install opencode`.
// While a session is held, its next tool call, prompt and compaction wait; nothing is lost.
import fs from "node:fs"
import path from "node:path"

const RUNTIME = ""
const GRACE_MS = 15000
const LOOK_MS = 100

let client
const parents = new Map()
const seen = new Set()
const told = new Set()
let drops = 0

const sleep = (ms) => new Promise((done) => setTimeout(done, ms))

// The flag of a session, or of the session it works for; null where there is none of use.
function flagOf(session) {
  const mine = new Set()
  for (let id = session; id && !mine.has(id); id = parents.get(id)) mine.add(id)
  const folder = path.join(RUNTIME, "hold")
  let names
  try {
    if (fs.lstatSync(folder).isSymbolicLink()) return unusable(session, "the folder of hold flags is a link")
    names = fs.readdirSync(folder)
  } catch (error) {
    return error.code === "ENOENT" ? null : unusable(session, "the folder of hold flags cannot be read")
  }
  for (const name of names) {
    if (name.startsWith(".")) continue
    const file = path.join(folder, name)
    try {
      const facts = fs.lstatSync(file)
      if (!facts.isFile() || facts.size > 65536 || facts.uid !== process.getuid()) continue
      const flag = JSON.parse(fs.readFileSync(file, "utf8"))
      if (flag.agent === "opencode" && mine.has(flag.session)) return { file, who: String(flag.who) }
    } catch {
      continue // just cleared, or no flag of ours
    }
  }
  return null
}

// Tells once that nothing can be held.
function unusable(session, text) {
  if (!told.has(text)) report(session, "unusable", text)
  told.add(text)
  return null
}

function watcherRuns() {
  try {
    const pid = Number(fs.readFileSync(path.join(RUNTIME, "watcher.lock"), "utf8").trim())
    if (!(pid > 0)) return false
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

async function waitWhileHeld(session) {
  let flag = flagOf(session)
  if (!flag) return
  report(session, "held", `held by ${flag.who}`)
  let lastSeen = Date.now()
  while ((flag = flagOf(session))) {
    if (watcherRuns()) lastSeen = Date.now()
    else if (Date.now() - lastSeen > GRACE_MS) {
      const text = "the meter isn't running any more, so nobody could resume it: the pause is over"
      try {
        fs.unlinkSync(flag.file)
      } catch {}
      report(session, "watcher-gone", text)
      await show(`tmuxmeter: ${text}`)
      return
    }
    await sleep(LOOK_MS)
  }
  report(session, "released", "went on")
}

// Says something on the screen, if this OpenCode can.
async function show(message) {
  try {
    await client.tui.showToast({ body: { message, variant: "warning", duration: 15000 } })
  } catch {
    // without a screen there is nobody to tell
  }
}

function report(session, hold, text) {
  drop("Hold", { session_id: session, hold, text })
}

function began(info, source) {
  if (!info?.id || seen.has(info.id)) return
  seen.add(info.id)
  // a sub-agent's session is its parent's business
  if (info.parentID) parents.set(info.id, info.parentID)
  else drop("SessionStart", { session_id: info.id, source, cwd: info.directory ?? "" })
}

// This process and its ancestors, each with its start mark.
function pids() {
  let chain = ""
  try {
    for (let pid = process.pid, steps = 0; pid > 1 && steps < 24; steps++) {
      const stat = fs.readFileSync(`/proc/${pid}/stat`, "utf8")
      const rest = stat.slice(stat.lastIndexOf(") ") + 2).split(" ")
      chain += ` ${pid}:${rest[19]}`
      pid = Number(rest[1])
    }
  } catch {}
  return chain || ` ${process.pid}: ${process.ppid}:`
}

function drop(event, content) {
  const inbox = path.join(RUNTIME, "inbox")
  const name = `${process.pid}.${Date.now()}.${++drops}`
  const lines = ["tmuxmeter-hook 1", "agent opencode", `event ${event}`, `pids${pids()}`]
  for (const [key, value] of [["tmux", process.env.TMUX], ["pane", process.env.TMUX_PANE]])
    if (value && !value.includes("\n")) lines.push(`${key} ${value}`)
  try {
    if (fs.lstatSync(inbox).isSymbolicLink() || fs.readdirSync(inbox).length >= 1000) return
    const draft = path.join(inbox, `.${name}`)
    fs.writeFileSync(draft, `${lines.join("\n")}\n\n${JSON.stringify(content)}`, { flag: "wx", mode: 0o600 })
    fs.renameSync(draft, path.join(inbox, name))
  } catch {
    // no watcher has made the folder, or the disk refuses: the agent goes on
  }
}

export const tmuxmeter = async (input) => {
  client = input?.client
  return hooks
}

const hooks = {
  event: async ({ event }) => {
    const info = event?.properties?.info
    if (event?.type === "session.created") began(info, "startup")
    else if (event?.type === "session.updated") began(info, "resume")
    else if (event?.type === "session.deleted" && info?.id && !info.parentID)
      drop("SessionEnd", { session_id: info.id, reason: "deleted" })
  },
  "chat.message": async (input) => {
    if (!parents.has(input?.sessionID)) began({ id: input?.sessionID }, "resume")
    await waitWhileHeld(input?.sessionID)
  },
  "tool.execute.before": async (input) => {
    await waitWhileHeld(input?.sessionID)
  },
  "experimental.session.compacting": async (input) => {
    await waitWhileHeld(input?.sessionID)
  },
}

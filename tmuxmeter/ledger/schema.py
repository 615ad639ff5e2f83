"""The ledger's tables as a numbered list of migrations; a migration that has landed never changes.

Times are epoch milliseconds, money is integer microdollars, tokens are tokens.
Keys are the signed 64-bit keys of :func:`tmuxmeter.events.event_key`.
"""

from __future__ import annotations

MIGRATIONS: tuple[str, ...] = (
    # 1: everything a log and a tmux server can tell.
    """
    CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

    -- position and reader state of every log file; 'mark' digests the bytes before 'offset'
    CREATE TABLE file (
        id INTEGER PRIMARY KEY,
        agent TEXT NOT NULL, root TEXT NOT NULL, name TEXT NOT NULL, path TEXT NOT NULL,
        device INTEGER NOT NULL, inode INTEGER NOT NULL,
        size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
        offset INTEGER NOT NULL, mark BLOB NOT NULL, reader BLOB NOT NULL,
        UNIQUE (agent, root, name)
    );
    CREATE TABLE skipped (
        file_id INTEGER NOT NULL REFERENCES file, reason TEXT NOT NULL,
        count INTEGER NOT NULL, offset INTEGER NOT NULL,
        PRIMARY KEY (file_id, reason)
    ) WITHOUT ROWID;

    -- 'file_id' is the first file that showed the session, NULL: only seen running; 'account' is
    -- that file's root; 'parent' is the parent's key; the facts are merged from session_fact
    CREATE TABLE session (
        id INTEGER PRIMARY KEY,
        agent TEXT NOT NULL, key TEXT NOT NULL, account TEXT NOT NULL, file_id INTEGER,
        parent TEXT NOT NULL DEFAULT '', spawned INTEGER NOT NULL DEFAULT 0,
        started_ms INTEGER, cwd TEXT NOT NULL DEFAULT '', branch TEXT NOT NULL DEFAULT '',
        version TEXT NOT NULL DEFAULT '',
        UNIQUE (agent, key)
    );
    CREATE INDEX session_parent ON session (agent, parent) WHERE parent <> '';
    CREATE INDEX session_started ON session (started_ms);
    -- what each file says about a session, so that the order of reading makes no difference
    CREATE TABLE session_fact (
        session_id INTEGER NOT NULL REFERENCES session, file_id INTEGER NOT NULL REFERENCES file,
        started_ms INTEGER, cwd TEXT NOT NULL, branch TEXT NOT NULL,
        parent TEXT NOT NULL, spawned INTEGER NOT NULL, version TEXT NOT NULL,
        PRIMARY KEY (session_id, file_id)
    ) WITHOUT ROWID;

    CREATE TABLE model (
        id INTEGER PRIMARY KEY,
        agent TEXT NOT NULL, name TEXT NOT NULL, tier TEXT NOT NULL, geo TEXT NOT NULL,
        UNIQUE (agent, name, tier, geo)
    );
    CREATE TABLE place (
        id INTEGER PRIMARY KEY, cwd TEXT NOT NULL, branch TEXT NOT NULL, UNIQUE (cwd, branch)
    );

    -- one row per request; 'file_id' wrote the winning line, 'owner_file_id' is the first file
    -- that showed the request and gives it its session ('owner_sidechain': only side chains did);
    -- cost NULL: unpriced
    CREATE TABLE usage (
        key INTEGER PRIMARY KEY,
        session_id INTEGER NOT NULL, time_ms INTEGER NOT NULL,
        model_id INTEGER NOT NULL, place_id INTEGER NOT NULL,
        file_id INTEGER NOT NULL,
        owner_file_id INTEGER NOT NULL, owner_sidechain INTEGER NOT NULL,
        fresh INTEGER NOT NULL, cache_read INTEGER NOT NULL,
        cache_write_5m INTEGER NOT NULL, cache_write_1h INTEGER NOT NULL,
        output INTEGER NOT NULL, reasoning INTEGER NOT NULL, web_searches INTEGER NOT NULL,
        context_window INTEGER NOT NULL, sidechain INTEGER NOT NULL,
        cost INTEGER
    );
    CREATE INDEX usage_time ON usage (time_ms, session_id);
    CREATE INDEX usage_session ON usage (session_id, time_ms);

    CREATE TABLE prompt (
        key INTEGER PRIMARY KEY, session_id INTEGER NOT NULL, time_ms INTEGER NOT NULL,
        owner_file_id INTEGER NOT NULL,
        human INTEGER NOT NULL, corrects INTEGER NOT NULL
    );
    CREATE INDEX prompt_session ON prompt (session_id, time_ms);
    CREATE INDEX prompt_time ON prompt (time_ms, session_id);
    CREATE TABLE turn_end (
        key INTEGER PRIMARY KEY, session_id INTEGER NOT NULL, time_ms INTEGER NOT NULL,
        owner_file_id INTEGER NOT NULL,
        reason TEXT NOT NULL, duration_ms INTEGER NOT NULL, asked INTEGER NOT NULL
    );
    CREATE INDEX turn_end_session ON turn_end (session_id, time_ms);
    CREATE INDEX turn_end_time ON turn_end (time_ms, session_id);
    CREATE TABLE tool (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
    INSERT INTO tool (id, name) VALUES (0, ''); -- the result doesn't name its tool
    CREATE TABLE tool_result (
        key INTEGER PRIMARY KEY, session_id INTEGER NOT NULL, time_ms INTEGER NOT NULL,
        owner_file_id INTEGER NOT NULL,
        tool_id INTEGER NOT NULL, ok INTEGER NOT NULL
    );
    CREATE INDEX tool_result_session ON tool_result (session_id, time_ms);
    CREATE TABLE path (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
    CREATE TABLE file_touch (
        key INTEGER PRIMARY KEY, session_id INTEGER NOT NULL, time_ms INTEGER NOT NULL,
        owner_file_id INTEGER NOT NULL,
        path_id INTEGER NOT NULL, edit INTEGER NOT NULL
    );
    CREATE INDEX file_touch_session ON file_touch (session_id, time_ms);
    CREATE TABLE compaction (
        key INTEGER PRIMARY KEY, session_id INTEGER NOT NULL, time_ms INTEGER NOT NULL,
        owner_file_id INTEGER NOT NULL,
        cause TEXT NOT NULL, tokens_before INTEGER NOT NULL
    );
    CREATE INDEX compaction_session ON compaction (session_id, time_ms);
    -- the newest word per account, limit and window length
    CREATE TABLE rate_limit (
        agent TEXT NOT NULL, account TEXT NOT NULL, name TEXT NOT NULL,
        window_minutes INTEGER NOT NULL, time_ms INTEGER NOT NULL,
        used_percent REAL NOT NULL, resets_ms INTEGER NOT NULL, plan TEXT NOT NULL,
        PRIMARY KEY (agent, account, name, window_minutes)
    ) WITHOUT ROWID;

    -- a pane's life under one process: ids are reused by a new server, kept by a respawn
    CREATE TABLE pane (
        id INTEGER PRIMARY KEY,
        socket TEXT NOT NULL, server_pid INTEGER NOT NULL, server_started INTEGER NOT NULL,
        pane TEXT NOT NULL, pid INTEGER NOT NULL, pid_start TEXT NOT NULL,
        session_name TEXT NOT NULL DEFAULT '', window_index INTEGER NOT NULL DEFAULT 0,
        window_name TEXT NOT NULL DEFAULT '', pane_index INTEGER NOT NULL DEFAULT 0,
        first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL, ended_ms INTEGER,
        UNIQUE (socket, server_pid, server_started, pane, pid, pid_start)
    );
    CREATE INDEX pane_open ON pane (id) WHERE ended_ms IS NULL;

    -- where a session ran: 'where_kind' is pane, outside (a process outside tmux) or without-pane
    -- (the pane is gone, the work went on); end_ms NULL: still there
    CREATE TABLE binding (
        id INTEGER PRIMARY KEY,
        session_id INTEGER NOT NULL REFERENCES session,
        where_kind TEXT NOT NULL CHECK (where_kind IN ('pane', 'outside', 'without-pane')),
        pane_id INTEGER REFERENCES pane,
        pid INTEGER NOT NULL, pid_start TEXT NOT NULL,
        start_ms INTEGER NOT NULL, end_ms INTEGER, seen_ms INTEGER NOT NULL,
        evidence TEXT NOT NULL, confidence REAL NOT NULL
    );
    CREATE INDEX binding_session ON binding (session_id, start_ms);
    CREATE INDEX binding_open ON binding (id) WHERE end_ms IS NULL;
    """,
    # 2: what no log tells: what the human looked at, said and was told; and what tokens cost apart.
    """
    -- a pane was in front of a client that was in use
    CREATE TABLE attention (
        id INTEGER PRIMARY KEY, pane_id INTEGER NOT NULL REFERENCES pane,
        start_ms INTEGER NOT NULL, end_ms INTEGER NOT NULL
    );
    CREATE INDEX attention_pane ON attention (pane_id, start_ms);
    CREATE INDEX attention_end ON attention (end_ms, start_ms);
    -- a session stood still in the middle of a turn: 'why' is waiting (for the human) or paused
    CREATE TABLE standstill (
        id INTEGER PRIMARY KEY, session_id INTEGER NOT NULL REFERENCES session,
        why TEXT NOT NULL CHECK (why IN ('waiting', 'paused')),
        start_ms INTEGER NOT NULL, end_ms INTEGER NOT NULL
    );
    CREATE INDEX standstill_session ON standstill (session_id, end_ms);

    -- logged by hand; 'minutes' NULL: not said; taken back ones stay, with the time of it
    CREATE TABLE handoff (
        id INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL, pane_id INTEGER REFERENCES pane,
        minutes REAL, note TEXT NOT NULL DEFAULT '', undone_ms INTEGER
    );
    CREATE INDEX handoff_time ON handoff (time_ms);
    CREATE TABLE done_mark (
        id INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL, pane_id INTEGER REFERENCES pane,
        note TEXT NOT NULL DEFAULT '', undone_ms INTEGER
    );
    CREATE INDEX done_mark_time ON done_mark (time_ms);
    -- 'patterns' is a JSON list of globs below the folder 'root'; a pane has one claim at a time
    CREATE TABLE claim (
        id INTEGER PRIMARY KEY, pane_id INTEGER NOT NULL REFERENCES pane,
        root TEXT NOT NULL, patterns TEXT NOT NULL, why TEXT NOT NULL,
        made_ms INTEGER NOT NULL, ended_ms INTEGER
    );
    CREATE INDEX claim_pane ON claim (pane_id, made_ms);

    -- a budget's mark that was passed and told; 'budget' is all or an agent, with its unit
    CREATE TABLE crossing (
        day TEXT NOT NULL, budget TEXT NOT NULL, percent INTEGER NOT NULL,
        time_ms INTEGER NOT NULL, PRIMARY KEY (day, budget, percent)
    ) WITHOUT ROWID;
    -- microdollars for a million tokens of each kind when last asked; NULL: no price
    CREATE TABLE unit_price (
        model_id INTEGER PRIMARY KEY REFERENCES model,
        fresh INTEGER, cache_read INTEGER, cache_write_5m INTEGER, cache_write_1h INTEGER,
        output INTEGER
    );
    """,
    # 3: rows lie scattered by their keys; reports read a session's from its index, side by side.
    """
    DROP INDEX usage_session;
    CREATE INDEX usage_session ON usage (
        session_id, time_ms, key, model_id, place_id, fresh, cache_read, cache_write_5m,
        cache_write_1h, output, reasoning, web_searches, sidechain, cost
    );
    DROP INDEX prompt_session;
    CREATE INDEX prompt_session ON prompt (session_id, time_ms, key, human, corrects);
    DROP INDEX turn_end_session;
    CREATE INDEX turn_end_session ON turn_end (
        session_id, time_ms, key, reason, duration_ms, asked
    );
    DROP INDEX tool_result_session;
    CREATE INDEX tool_result_session ON tool_result (session_id, time_ms, key, ok);
    DROP INDEX file_touch_session;
    CREATE INDEX file_touch_session ON file_touch (session_id, time_ms, key, path_id, edit);
    """,
    # 4: what agents' own accounts say, which their hooks report.
    """
    -- the newest word of a quarter of an hour on what a session costs, in microdollars: 'told' as
    -- the agent says it, 'billed' what that has grown by since 'first_ms', its very first word
    CREATE TABLE account_cost (
        session_id INTEGER NOT NULL REFERENCES session,
        quarter INTEGER NOT NULL, first_ms INTEGER NOT NULL, time_ms INTEGER NOT NULL,
        told INTEGER NOT NULL, billed INTEGER NOT NULL,
        PRIMARY KEY (session_id, quarter)
    ) WITHOUT ROWID;
    CREATE INDEX account_cost_time ON account_cost (time_ms, session_id);
    """,
    # 5: what texts may have cost where no log tells tokens: in no sum, shown only where asked for.
    """
    CREATE TABLE estimate (
        key INTEGER PRIMARY KEY, session_id INTEGER NOT NULL, time_ms INTEGER NOT NULL,
        owner_file_id INTEGER NOT NULL,
        input INTEGER NOT NULL, output INTEGER NOT NULL
    );
    CREATE INDEX estimate_session ON estimate (session_id, time_ms, input, output);
    """,
)

SCHEMA_VERSION = len(MIGRATIONS)

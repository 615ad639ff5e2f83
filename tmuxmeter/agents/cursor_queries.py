"""What the editor's ``state.vscdb`` is asked: SQLite takes the fields that count out of values."""

from __future__ import annotations

_TEXT = 400
"""Characters of a prompt that are looked at."""

# one JSON text of all fields: the value is parsed once, and a broken one is NULL, not an error
_FIELDS = f"""
    CASE WHEN key >= 'composerData:' AND key < 'composerData;' THEN
        CASE WHEN json_valid(CAST(value AS TEXT)) THEN json_array(
            json_extract(CAST(value AS TEXT), '$.createdAt'),
            json_extract(CAST(value AS TEXT), '$.workspaceIdentifier.uri.fsPath'),
            json_extract(CAST(value AS TEXT), '$.subagentInfo.parentComposerId'),
            json_array_length(CAST(value AS TEXT), '$.fullConversationHeadersOnly')
        ) WHEN value IS NOT NULL THEN '' END
    WHEN key >= 'bubbleId:' AND key < 'bubbleId;' THEN
        CASE WHEN json_valid(CAST(value AS TEXT)) THEN json_extract(CAST(value AS TEXT),
            '$.type', '$.createdAt', '$.timingInfo.clientStartTime',
            '$.tokenCount.inputTokens', '$.tokenCount.outputTokens', '$.modelInfo.modelName',
            '$.toolFormerData.name', '$.toolFormerData.status', '$.toolFormerData.toolCallId'
        ) WHEN value IS NOT NULL THEN '' END
    END,
    CASE WHEN key >= 'bubbleId:' AND key < 'bubbleId;' AND json_valid(CAST(value AS TEXT)) THEN
        substr(json_extract(CAST(value AS TEXT), '$.text'), 1, {_TEXT}) END,
    CASE WHEN key >= 'bubbleId:' AND key < 'bubbleId;' AND json_valid(CAST(value AS TEXT))
        AND json_valid(json_extract(CAST(value AS TEXT), '$.toolFormerData.params')) THEN
        json_extract(json_extract(CAST(value AS TEXT), '$.toolFormerData.params'),
            '$.relativeWorkspacePath', '$.targetFile', '$.target_file', '$.path') END,
    CASE WHEN key >= 'bubbleId:' AND key < 'bubbleId;' AND json_valid(CAST(value AS TEXT)) THEN
        json_array(length(json_extract(CAST(value AS TEXT), '$.text')),
            length(json_extract(CAST(value AS TEXT), '$.thinking.text')),
            length(json_extract(CAST(value AS TEXT), '$.toolFormerData.params')),
            length(json_extract(CAST(value AS TEXT), '$.toolFormerData.result'))) END
"""
ROWS = f"""
    SELECT rowid, key, {_FIELDS} FROM cursorDiskKV
    WHERE rowid > min(:row, coalesce((SELECT max(rowid) FROM cursorDiskKV), 0)) - :overlap
    ORDER BY rowid LIMIT :page
"""  # noqa: S608 - fields are this module's own
AGAIN = f"""
    SELECT rowid, key, {_FIELDS} FROM cursorDiskKV
    WHERE key IN (SELECT value FROM json_each(:keys)) ORDER BY rowid LIMIT :page
"""  # noqa: S608
HEADERS_TABLE = """
    SELECT composerId, lastUpdatedAt,
        CASE WHEN json_valid(CAST(value AS TEXT)) THEN json_extract(CAST(value AS TEXT),
            '$.workspaceIdentifier.uri.fsPath', '$.subagentInfo.parentComposerId') END
    FROM composerHeaders WHERE (lastUpdatedAt, composerId) > (:time, :id)
    ORDER BY lastUpdatedAt, composerId LIMIT :page
"""
HEADERS_LIST = """
    SELECT json_extract(e.head, '$.composerId') AS composer,
        CAST(json_extract(e.head, '$.lastUpdatedAt') AS INTEGER) AS updated,
        json_extract(e.head, '$.workspaceIdentifier.uri.fsPath',
            '$.subagentInfo.parentComposerId')
    FROM (
        SELECT CASE WHEN j.type = 'object' THEN j.value END AS head
        FROM ItemTable i, json_each(CASE WHEN json_valid(CAST(i.value AS TEXT))
            THEN CAST(i.value AS TEXT) ELSE '{}' END, '$.allComposers') j
        WHERE i.key = 'composer.composerHeaders'
    ) e WHERE (updated, composer) > (:time, :id) ORDER BY updated, composer LIMIT :page
"""

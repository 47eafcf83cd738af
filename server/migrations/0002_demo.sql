-- What the demo's simulated outside world knows: payment platform, keys. Empty in production.
CREATE TABLE demo_documents (
    key TEXT PRIMARY KEY,
    body_json TEXT NOT NULL,
    updated_ms BIGINT NOT NULL
);

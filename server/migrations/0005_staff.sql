-- Who is logged in: the hash of a secret that only the browser has.
CREATE TABLE sessions (
    -- SHA-256 of the cookie's secret.
    token_hash TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id),
    created_ms BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL
);
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_expiry ON sessions (expires_ms);

-- What an operator's first page asks for.
CREATE INDEX orders_by_operator ON orders (operator_id, created_ms);
CREATE INDEX orders_holding ON orders (operator_id) WHERE holding_socket_id IS NOT NULL;
CREATE INDEX jobs_parked ON jobs (operator_id, updated_ms) WHERE status = 'parked';
CREATE INDEX ledger_transactions_by_time ON ledger_transactions (operator_id, posted_ms);

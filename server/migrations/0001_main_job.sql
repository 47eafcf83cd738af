-- Columns are TEXT or BIGINT only: times in ms UTC, money in fen, flags 0/1, JSON as TEXT that no
-- query looks into. Ids are made by the server. The same text runs on SQLite and PostgreSQL.

CREATE TABLE operators (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    service_phone TEXT NOT NULL,
    created_ms BIGINT NOT NULL
);

CREATE TABLE users (
    id TEXT PRIMARY KEY,
    operator_id TEXT NOT NULL REFERENCES operators (id),
    login TEXT NOT NULL UNIQUE,
    password_hash TEXT NOT NULL,
    role TEXT NOT NULL,
    created_ms BIGINT NOT NULL
);

-- Immutable: a new price list is a new row.
CREATE TABLE tariffs (
    operator_id TEXT NOT NULL REFERENCES operators (id),
    id TEXT NOT NULL,
    tariff_json TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    PRIMARY KEY (operator_id, id)
);

CREATE TABLE sites (
    operator_id TEXT NOT NULL REFERENCES operators (id),
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    address TEXT NOT NULL,
    tariff_id TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    PRIMARY KEY (operator_id, id),
    FOREIGN KEY (operator_id, tariff_id) REFERENCES tariffs (operator_id, id)
);

CREATE TABLE stations (
    operator_id TEXT NOT NULL,
    id TEXT NOT NULL,
    site_id TEXT NOT NULL,
    -- OCPP charge point identity, unique over all operators because the link carries no tenant.
    identity TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    key_salt TEXT NOT NULL,
    key_hash TEXT NOT NULL,
    -- What the station said of itself at boot.
    vendor TEXT NOT NULL DEFAULT '',
    model TEXT NOT NULL DEFAULT '',
    firmware TEXT NOT NULL DEFAULT '',
    -- Highest power a socket can deliver, the bound for plausible readings.
    socket_max_w BIGINT NOT NULL DEFAULT 2000,
    online BIGINT NOT NULL DEFAULT 0,
    last_seen_ms BIGINT NOT NULL DEFAULT 0,
    created_ms BIGINT NOT NULL,
    PRIMARY KEY (operator_id, id),
    FOREIGN KEY (operator_id, site_id) REFERENCES sites (operator_id, id)
);

CREATE TABLE sockets (
    operator_id TEXT NOT NULL,
    id TEXT NOT NULL,
    station_id TEXT NOT NULL,
    -- OCPP connector id, from 1.
    connector BIGINT NOT NULL,
    -- Canonical scan code (wasm-core link.rs), unique over all operators because a link carries no tenant.
    code TEXT NOT NULL UNIQUE,
    -- OCPP ChargePointStatus as last reported; '' before the first report.
    status TEXT NOT NULL DEFAULT '',
    error_code TEXT NOT NULL DEFAULT '',
    status_ms BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (operator_id, id),
    UNIQUE (operator_id, station_id, connector),
    FOREIGN KEY (operator_id, station_id) REFERENCES stations (operator_id, id)
);

CREATE TABLE riders (
    id TEXT PRIMARY KEY,
    -- SHA-256 of the cookie's secret.
    token_hash TEXT NOT NULL UNIQUE,
    created_ms BIGINT NOT NULL
);

-- Who a rider is at a payment platform, once the platform has told.
CREATE TABLE rider_identities (
    channel TEXT NOT NULL,
    open_id TEXT NOT NULL,
    rider_id TEXT NOT NULL REFERENCES riders (id),
    created_ms BIGINT NOT NULL,
    PRIMARY KEY (channel, open_id),
    UNIQUE (rider_id, channel)
);

CREATE TABLE orders (
    operator_id TEXT NOT NULL,
    id TEXT NOT NULL UNIQUE,
    site_id TEXT NOT NULL,
    socket_id TEXT NOT NULL,
    rider_id TEXT NOT NULL,
    state TEXT NOT NULL,
    -- Socket the order has to itself while it does: at most one order holds a socket.
    holding_socket_id TEXT UNIQUE,
    order_json TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    updated_ms BIGINT NOT NULL,
    PRIMARY KEY (operator_id, id)
);
CREATE INDEX orders_by_rider ON orders (rider_id, created_ms);
CREATE INDEX orders_by_socket ON orders (operator_id, socket_id, created_ms);

-- Attempts to pay. The row stands before the platform is asked.
CREATE TABLE payments (
    operator_id TEXT NOT NULL,
    id TEXT NOT NULL UNIQUE,
    order_id TEXT NOT NULL,
    channel TEXT NOT NULL,
    -- How it is paid: 'wap' or 'jsapi'.
    product TEXT NOT NULL,
    amount_fen BIGINT NOT NULL CHECK (amount_fen > 0),
    -- 'open', 'paid', 'closed'
    status TEXT NOT NULL,
    trade_no TEXT,
    created_ms BIGINT NOT NULL,
    updated_ms BIGINT NOT NULL,
    PRIMARY KEY (operator_id, id),
    UNIQUE (channel, trade_no)
);
CREATE INDEX payments_by_order ON payments (operator_id, order_id);

-- Every notify that was verified, as it came.
CREATE TABLE notifies (
    channel TEXT NOT NULL,
    notify_id TEXT NOT NULL,
    payment_id TEXT NOT NULL,
    body TEXT NOT NULL,
    outcome TEXT NOT NULL,
    received_ms BIGINT NOT NULL,
    PRIMARY KEY (channel, notify_id)
);

-- Device transactions. The id is issued by us and is what the device knows.
CREATE TABLE transactions (
    id BIGINT PRIMARY KEY,
    operator_id TEXT NOT NULL,
    station_id TEXT NOT NULL,
    connector BIGINT NOT NULL,
    id_tag TEXT NOT NULL,
    -- The order it belongs to; NULL for current that nobody ordered.
    order_id TEXT,
    -- By the device's clock; part of what makes a repeated start the same start.
    device_started_ms BIGINT NOT NULL,
    meter_start_wh BIGINT NOT NULL,
    -- By our reckoning, bounded.
    started_ms BIGINT NOT NULL,
    stopped_ms BIGINT,
    meter_stop_wh BIGINT,
    stop_reason TEXT,
    -- '' or why the record looks strange; strange records are kept, never refused.
    remark TEXT NOT NULL DEFAULT '',
    received_ms BIGINT NOT NULL,
    UNIQUE (operator_id, station_id, connector, id_tag, device_started_ms, meter_start_wh)
);
CREATE INDEX transactions_by_order ON transactions (operator_id, order_id);

-- Meter readings as reported: the register, not the difference.
CREATE TABLE samples (
    transaction_id BIGINT NOT NULL,
    at_ms BIGINT NOT NULL,
    register_wh BIGINT NOT NULL,
    power_w BIGINT,
    received_ms BIGINT NOT NULL,
    PRIMARY KEY (transaction_id, at_ms)
);

-- Device messages that were confirmed but could not be used, with the reason: nothing is lost.
CREATE TABLE device_records (
    id TEXT PRIMARY KEY,
    operator_id TEXT NOT NULL,
    station_id TEXT NOT NULL,
    action TEXT NOT NULL,
    payload_json TEXT NOT NULL,
    reason TEXT NOT NULL,
    received_ms BIGINT NOT NULL
);

-- The ledger: rows are never changed. Debit positive, credit negative.
CREATE TABLE ledger_transactions (
    operator_id TEXT NOT NULL,
    id TEXT NOT NULL UNIQUE,
    -- The business fact; written once.
    idempotency_key TEXT NOT NULL,
    -- SHA-256 of the postings, so that one key can never mean two things.
    input_hash TEXT NOT NULL,
    kind TEXT NOT NULL,
    order_id TEXT NOT NULL,
    posted_ms BIGINT NOT NULL,
    PRIMARY KEY (operator_id, idempotency_key)
);
CREATE INDEX ledger_transactions_by_order ON ledger_transactions (operator_id, order_id);

CREATE TABLE ledger_postings (
    operator_id TEXT NOT NULL,
    transaction_id TEXT NOT NULL,
    line BIGINT NOT NULL,
    account TEXT NOT NULL,
    amount_fen BIGINT NOT NULL CHECK (amount_fen <> 0),
    PRIMARY KEY (operator_id, transaction_id, line)
);
CREATE INDEX ledger_postings_by_account ON ledger_postings (operator_id, account);

-- Outbox and timers: what is to be done, at the earliest when.
CREATE TABLE jobs (
    id TEXT PRIMARY KEY,
    operator_id TEXT NOT NULL,
    order_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    payload_json TEXT NOT NULL,
    run_at_ms BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    -- 'waiting', 'running', 'done', 'parked'
    status TEXT NOT NULL,
    last_error TEXT NOT NULL DEFAULT '',
    created_ms BIGINT NOT NULL,
    updated_ms BIGINT NOT NULL
);
CREATE INDEX jobs_due ON jobs (status, run_at_ms);
CREATE INDEX jobs_by_order ON jobs (operator_id, order_id);

-- Answers to repeated POSTs.
CREATE TABLE idempotency_keys (
    -- Whose key it is: a rider's or a user's id.
    owner_id TEXT NOT NULL,
    key TEXT NOT NULL,
    input_hash TEXT NOT NULL,
    -- Empty while the first request still runs.
    answer_json TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    PRIMARY KEY (owner_id, key)
);

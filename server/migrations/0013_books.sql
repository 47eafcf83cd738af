-- From the moment a cut stands, nothing is posted before the end of its day any more.
CREATE TABLE ledger_cuts (
    operator_id TEXT NOT NULL,
    -- Days since 1970-01-01 at UTC+8.
    day BIGINT NOT NULL,
    cut_ms BIGINT NOT NULL,
    PRIMARY KEY (operator_id, day)
);

-- A day of an operator's books, closed. Rows are never changed.
CREATE TABLE ledger_closings (
    operator_id TEXT NOT NULL,
    day BIGINT NOT NULL,
    transactions BIGINT NOT NULL,
    debits_fen BIGINT NOT NULL,
    previous_hash TEXT NOT NULL,
    -- SHA-256 over the day before's hash and all that was posted on the day.
    hash TEXT NOT NULL,
    closed_ms BIGINT NOT NULL,
    PRIMARY KEY (operator_id, day)
);

CREATE TABLE ledger_closing_accounts (
    operator_id TEXT NOT NULL,
    day BIGINT NOT NULL,
    -- An account, or the kind of those that each order has of its own.
    account TEXT NOT NULL,
    debits_fen BIGINT NOT NULL,
    credits_fen BIGINT NOT NULL,
    balance_fen BIGINT NOT NULL,
    PRIMARY KEY (operator_id, day, account)
);

-- Who made a correction, and why.
CREATE TABLE ledger_reasons (
    operator_id TEXT NOT NULL,
    transaction_id TEXT NOT NULL,
    who TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (operator_id, transaction_id)
);

-- A platform's bill covers all operators.
CREATE INDEX ledger_transactions_by_posting ON ledger_transactions (posted_ms, id);

-- What the contract with a platform says.
CREATE TABLE recon_terms (
    channel TEXT PRIMARY KEY,
    -- The platform's fee in hundredths of a percent of a payment.
    fee_bp BIGINT NOT NULL
);

-- A platform's bill of a day, compared with our ledger.
CREATE TABLE recon_runs (
    channel TEXT NOT NULL,
    day BIGINT NOT NULL,
    -- 'running', 'done', 'failed'
    status TEXT NOT NULL,
    phase TEXT NOT NULL,
    bill_lines BIGINT NOT NULL,
    ours BIGINT NOT NULL,
    matched BIGINT NOT NULL,
    differences BIGINT NOT NULL,
    error TEXT NOT NULL,
    started_ms BIGINT NOT NULL,
    updated_ms BIGINT NOT NULL,
    PRIMARY KEY (channel, day)
);

-- A difference between a bill and our ledger, with all that is known of it.
CREATE TABLE recon_cases (
    -- Made of channel, day, kind and number, so that a difference is one case however often it is
    -- found.
    id TEXT PRIMARY KEY,
    -- '' when nothing says whose it is.
    operator_id TEXT NOT NULL,
    channel TEXT NOT NULL,
    day BIGINT NOT NULL,
    kind TEXT NOT NULL,
    -- 'in:' or 'out:' and our number.
    number TEXT NOT NULL,
    order_id TEXT NOT NULL,
    payment_id TEXT NOT NULL,
    -- What came in, as each side says; negative when it went out.
    ours_fen BIGINT NOT NULL,
    theirs_fen BIGINT NOT NULL,
    fee_fen BIGINT NOT NULL,
    evidence_json TEXT NOT NULL,
    repair TEXT NOT NULL,
    -- 'waiting' for the next day's bill, 'open', 'accepted', 'dismissed', 'explained'
    status TEXT NOT NULL,
    decided_by TEXT NOT NULL DEFAULT '',
    decided_ms BIGINT NOT NULL DEFAULT 0,
    note TEXT NOT NULL DEFAULT '',
    created_ms BIGINT NOT NULL
);
CREATE INDEX recon_cases_by_day ON recon_cases (channel, day);
CREATE INDEX recon_cases_by_status ON recon_cases (operator_id, status, day);

-- What a bill of another day than that of our posting contains.
CREATE TABLE recon_crossed (
    channel TEXT NOT NULL,
    number TEXT NOT NULL,
    bill_day BIGINT NOT NULL,
    PRIMARY KEY (channel, number)
);

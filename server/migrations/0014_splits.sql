-- What a site's partners agreed on. Immutable: another agreement is another row, and the newest
-- that was there when an order was made, and is valid then, splits it.
CREATE TABLE split_rules (
    operator_id TEXT NOT NULL,
    id TEXT NOT NULL,
    site_id TEXT NOT NULL,
    rule_json TEXT NOT NULL,
    valid_from_ms BIGINT NOT NULL,
    valid_until_ms BIGINT,
    -- Who wrote it: a user's id, or 'cli'.
    created_by TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    PRIMARY KEY (operator_id, id),
    FOREIGN KEY (operator_id, site_id) REFERENCES sites (operator_id, id)
);
CREATE INDEX split_rules_by_site ON split_rules (operator_id, site_id, created_ms);

-- Orders that were split, once each.
CREATE TABLE splits (
    operator_id TEXT NOT NULL,
    order_id TEXT NOT NULL UNIQUE,
    rule_id TEXT NOT NULL,
    payment_id TEXT NOT NULL,
    channel TEXT NOT NULL,
    trade_no TEXT NOT NULL,
    -- Whether that is a hold's number, of which the bill was taken: 1, else 0.
    held BIGINT NOT NULL,
    kept_fen BIGINT NOT NULL CHECK (kept_fen >= 0),
    -- How many requests the platform may have seen: the next one's number.
    asks BIGINT NOT NULL,
    version BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    PRIMARY KEY (operator_id, order_id)
);

CREATE TABLE split_shares (
    operator_id TEXT NOT NULL,
    order_id TEXT NOT NULL,
    party_id TEXT NOT NULL,
    -- Its place in the rule.
    line BIGINT NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    amount_fen BIGINT NOT NULL CHECK (amount_fen >= 0),
    -- Taken off by refunds since, whether the partner gave it back yet or not.
    back_fen BIGINT NOT NULL CHECK (back_fen <= amount_fen),
    -- Of that, what never left.
    paper_fen BIGINT NOT NULL,
    -- Confirmed to have arrived, and of that confirmed to have come back.
    paid_fen BIGINT NOT NULL,
    returned_fen BIGINT NOT NULL,
    -- See ShareStatus in store/splits.rs.
    status TEXT NOT NULL,
    reason TEXT NOT NULL,
    -- The request it is part of; 0 = none yet.
    ask BIGINT NOT NULL,
    -- What that request asks for: it stays, whatever refunds take off meanwhile.
    asked_fen BIGINT NOT NULL,
    -- Where it goes; '' = nowhere.
    account_json TEXT NOT NULL,
    updated_ms BIGINT NOT NULL,
    PRIMARY KEY (operator_id, order_id, party_id)
);
CREATE INDEX split_shares_by_status ON split_shares (operator_id, status, updated_ms);

-- What refunds take back from shares.
CREATE TABLE split_returns (
    operator_id TEXT NOT NULL,
    -- The platform's idempotency key.
    id TEXT NOT NULL,
    order_id TEXT NOT NULL,
    refund_id TEXT NOT NULL,
    party_id TEXT NOT NULL,
    amount_fen BIGINT NOT NULL CHECK (amount_fen > 0),
    -- 'open', 'done', 'parked'
    status TEXT NOT NULL,
    reason TEXT NOT NULL,
    updated_ms BIGINT NOT NULL,
    PRIMARY KEY (operator_id, id)
);
CREATE INDEX split_returns_by_order ON split_returns (operator_id, order_id);
CREATE INDEX split_returns_by_status ON split_returns (operator_id, status, updated_ms);

-- Receivers that a platform already knows as such.
CREATE TABLE split_receivers (
    operator_id TEXT NOT NULL,
    channel TEXT NOT NULL,
    kind TEXT NOT NULL,
    account TEXT NOT NULL,
    bound_ms BIGINT NOT NULL,
    PRIMARY KEY (operator_id, channel, kind, account)
);

-- What operators gave back after the bill, each once for its key.
CREATE TABLE operator_refunds (
    operator_id TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    order_id TEXT NOT NULL,
    refund_id TEXT NOT NULL,
    amount_fen BIGINT NOT NULL,
    reason TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    PRIMARY KEY (operator_id, idempotency_key)
);

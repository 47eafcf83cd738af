-- Hand-over from a mini-program's shell, which logs its rider in, to the pages in its web-view: each
-- ticket serves once.
CREATE TABLE tickets (
    -- SHA-256 of the ticket.
    ticket_hash TEXT PRIMARY KEY,
    channel TEXT NOT NULL,
    open_id TEXT NOT NULL,
    expires_ms BIGINT NOT NULL
);

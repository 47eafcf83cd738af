-- Days are read in the order posted.
DROP INDEX ledger_transactions_by_time;
CREATE INDEX ledger_transactions_by_time ON ledger_transactions (operator_id, posted_ms, id);

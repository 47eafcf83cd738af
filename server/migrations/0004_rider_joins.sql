-- A rider who turned out to be another one, known at a payment platform: the session of this row is
-- that rider's. NULL for everyone else.
ALTER TABLE riders ADD COLUMN joined_rider_id TEXT;

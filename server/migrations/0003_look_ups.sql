-- Stations, orders and payments are looked up by ids that are unique over all operators; without
-- these indexes each such look-up reads its whole table, most of them while the one writer waits.

CREATE UNIQUE INDEX stations_by_id ON stations (id);
CREATE INDEX sockets_by_station ON sockets (station_id, connector);
DROP INDEX payments_by_order;
CREATE INDEX payments_by_order ON payments (order_id);
-- A stop whose station never got a transaction id is found by its idTag.
CREATE INDEX transactions_open ON transactions (station_id, id_tag) WHERE stopped_ms IS NULL;

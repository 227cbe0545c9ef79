-- The recorded session: a database file with a page cache larger than itself, and twelve rounds of a shop's day on it.
PRAGMA cache_size = -131072;
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA temp_store = MEMORY;
.output session.out
.parameter set :seed 101
.read round.sql
.parameter set :seed 202
.read round.sql
.parameter set :seed 303
.read round.sql
-- A report reads every order.
SELECT count(*), sum(total) FROM orders;
.parameter set :seed 404
.read round.sql
.parameter set :seed 505
.read round.sql
.parameter set :seed 606
.read round.sql
-- Someone searches all notes.
SELECT count(*), sum(length(body)) FROM note WHERE customer_id % 3 = 1;
.parameter set :seed 707
.read round.sql
.parameter set :seed 808
.read round.sql
.parameter set :seed 909
.read round.sql
-- Old orders are archived with their lines.
DELETE FROM line WHERE order_id IN (SELECT id FROM orders WHERE day BETWEEN 20 AND 24);
DELETE FROM orders WHERE day BETWEEN 20 AND 24;
.parameter set :seed 1010
.read round.sql
.parameter set :seed 1111
.read round.sql
.parameter set :seed 1212
.read round.sql

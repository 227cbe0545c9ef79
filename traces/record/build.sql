-- A small shop, the same on every run: all "random" numbers come from a linear congruential generator written in SQL.
-- Some 45 MiB in 4 KiB pages: hot indexes and catalogue, a long tail of orders, and notes that hardly anyone reads.
PRAGMA page_size = 4096;
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;

CREATE TABLE customer (id INTEGER PRIMARY KEY, email TEXT, name TEXT, city INTEGER, balance INTEGER, visits INTEGER);
CREATE TABLE product (id INTEGER PRIMARY KEY, sku TEXT, title TEXT, price INTEGER, stock INTEGER);
CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER, day INTEGER, state INTEGER, total INTEGER, ship_to TEXT);
CREATE TABLE line (id INTEGER PRIMARY KEY, order_id INTEGER, product_id INTEGER, quantity INTEGER, price INTEGER);
CREATE TABLE note (id INTEGER PRIMARY KEY, customer_id INTEGER, body TEXT);

WITH RECURSIVE r(i, s) AS (SELECT 1, 11 UNION ALL SELECT i + 1, (s * 1103515245 + 12345) & 0x7fffffff FROM r WHERE i < 24000)
INSERT INTO customer
SELECT i, printf('user%08x@example.org', s), printf('%0*d', 24 + (s >> 9) % 40, i), (s >> 13) % 400, 0, 0 FROM r;

WITH RECURSIVE r(i, s) AS (SELECT 1, 22 UNION ALL SELECT i + 1, (s * 1103515245 + 12345) & 0x7fffffff FROM r WHERE i < 9000)
INSERT INTO product
SELECT i, printf('%08X-%04d', s, i), printf('%0*d', 80 + (s >> 9) % 160, i), 100 + (s >> 11) % 9900, 1000 FROM r;

WITH RECURSIVE r(i, s) AS (SELECT 1, 33 UNION ALL SELECT i + 1, (s * 1103515245 + 12345) & 0x7fffffff FROM r WHERE i < 60000),
  u(i, s, u) AS (SELECT i, s, (s >> 7) / 16777216.0 FROM r)
INSERT INTO orders
SELECT i, 1 + CAST(24000 * u AS INTEGER) * 7919 % 24000, i / 160, 2, 0, printf('%0*d', 30 + (s >> 9) % 60, i) FROM u;

WITH RECURSIVE r(i, s) AS (SELECT 1, 44 UNION ALL SELECT i + 1, (s * 1103515245 + 12345) & 0x7fffffff FROM r WHERE i < 150000),
  u(i, s, u) AS (SELECT i, s, (s >> 7) / 16777216.0 FROM r)
INSERT INTO line
SELECT i, 1 + i * 2 / 5, 1 + CAST(9000 * u * u * u AS INTEGER) * 6007 % 9000, 1 + (s >> 9) % 5, 100 + (s >> 11) % 9900 FROM u;

WITH RECURSIVE r(i, s) AS (SELECT 1, 55 UNION ALL SELECT i + 1, (s * 1103515245 + 12345) & 0x7fffffff FROM r WHERE i < 12000)
INSERT INTO note SELECT i, 1 + i * 7919 % 24000, printf('%0*d', 400 + (s >> 9) % 2400, i) FROM r;

CREATE UNIQUE INDEX customer_email ON customer (email);
CREATE UNIQUE INDEX product_sku ON product (sku);
CREATE INDEX orders_customer ON orders (customer_id);
CREATE INDEX orders_day ON orders (day);
CREATE INDEX line_order ON line (order_id);
CREATE INDEX line_product ON line (product_id);
CREATE INDEX note_customer ON note (customer_id);
ANALYZE;

-- One round, its random numbers started from :seed. Customers and products are picked with density k^-0.8 and spread
-- over the tables, so that hot rows share their pages with cold ones.

-- Visitors' pages: each visitor's orders, their lines and products, by index all the way.
WITH RECURSIVE r(i, s) AS (
    SELECT 1, :seed * 7717 UNION ALL SELECT i + 1, (s * 1103515245 + 12345) & 0x7fffffff FROM r WHERE i < 120),
  u(i, u) AS (SELECT i, (s >> 7) / 16777216.0 FROM r),
  visitor(id) AS (SELECT 1 + CAST(24000 * u * u * u * u * u AS INTEGER) * 7919 % 24000 FROM u)
SELECT count(*), sum(l.quantity * p.price), max(p.title), max(o.ship_to)
FROM visitor v CROSS JOIN customer c ON c.id = v.id CROSS JOIN orders o ON o.customer_id = c.id
  CROSS JOIN line l ON l.order_id = o.id CROSS JOIN product p ON p.id = l.product_id;

-- Products looked up by their id, and who noted what about a few customers.
WITH RECURSIVE r(i, s) AS (
    SELECT 1, :seed * 5711 UNION ALL SELECT i + 1, (s * 1103515245 + 12345) & 0x7fffffff FROM r WHERE i < 400),
  u(i, u) AS (SELECT i, (s >> 7) / 16777216.0 FROM r),
  wanted(id) AS (SELECT 1 + CAST(9000 * u * u * u * u * u AS INTEGER) * 6007 % 9000 FROM u)
SELECT count(*), sum(p.price), sum(length(p.title)) FROM wanted w CROSS JOIN product p ON p.id = w.id;

WITH RECURSIVE r(i, s) AS (
    SELECT 1, :seed * 3701 UNION ALL SELECT i + 1, (s * 1103515245 + 12345) & 0x7fffffff FROM r WHERE i < 150),
  u(i, u) AS (SELECT i, (s >> 7) / 16777216.0 FROM r),
  asked(id) AS (SELECT 1 + CAST(24000 * u * u * u * u * u AS INTEGER) * 7919 % 24000 FROM u)
SELECT count(*), max(substr(n.body, -20)) FROM asked a CROSS JOIN note n ON n.customer_id = a.id;

-- New orders, their lines, stock and balances.
BEGIN;
INSERT INTO orders
WITH RECURSIVE r(i, s) AS (
    SELECT 1, :seed * 2903 UNION ALL SELECT i + 1, (s * 1103515245 + 12345) & 0x7fffffff FROM r WHERE i < 80),
  u(i, s, u) AS (SELECT i, s, (s >> 7) / 16777216.0 FROM r)
SELECT 60000 + :seed * 10 + i, 1 + CAST(24000 * u AS INTEGER) * 7919 % 24000, 375 + :seed / 100, 0, 0,
  printf('%0*d', 30 + (s >> 9) % 60, i) FROM u;

INSERT INTO line (order_id, product_id, quantity, price)
WITH RECURSIVE r(i, s) AS (
    SELECT 1, :seed * 1901 UNION ALL SELECT i + 1, (s * 1103515245 + 12345) & 0x7fffffff FROM r WHERE i < 200),
  u(i, s, u) AS (SELECT i, s, (s >> 7) / 16777216.0 FROM r)
SELECT 60001 + :seed * 10 + i * 80 / 201, 1 + CAST(9000 * u * u * u * u * u AS INTEGER) * 6007 % 9000, 1 + (s >> 9) % 5, 500
FROM u;

UPDATE product SET stock = stock - 1
WHERE id IN (SELECT l.product_id FROM orders o CROSS JOIN line l ON l.order_id = o.id WHERE o.day = 375 + :seed / 100);

UPDATE customer SET visits = visits + 1, balance = balance + 7
WHERE id IN (SELECT customer_id FROM orders WHERE day = 375 + :seed / 100);

UPDATE orders SET state = 1, total = (SELECT sum(quantity * price) FROM line WHERE order_id = orders.id)
WHERE day = 375 + :seed / 100;
COMMIT;

-- Forty single statements, as a shop's front end sends them: each is parsed and planned for itself.
.once lookups.sql
WITH RECURSIVE r(i, s) AS (
    SELECT 1, :seed * 1301 UNION ALL SELECT i + 1, (s * 1103515245 + 12345) & 0x7fffffff FROM r WHERE i < 40),
  u(i, s, u) AS (SELECT i, s, (s >> 7) / 16777216.0 FROM r)
SELECT CASE i % 4
  WHEN 0 THEN printf('SELECT name, balance FROM customer WHERE email = (SELECT email FROM customer WHERE id = %d);',
    1 + CAST(24000 * u * u * u * u * u AS INTEGER) * 7919 % 24000)
  WHEN 1 THEN printf('SELECT sku, price, stock FROM product WHERE id = %d;',
    1 + CAST(9000 * u * u * u * u * u AS INTEGER) * 6007 % 9000)
  WHEN 2 THEN printf('UPDATE product SET price = price + 1 WHERE id = %d;',
    1 + CAST(9000 * u * u * u * u * u AS INTEGER) * 6007 % 9000)
  ELSE printf('SELECT o.id, o.total FROM orders o WHERE o.customer_id = %d ORDER BY o.id DESC LIMIT 10;',
    1 + CAST(24000 * u * u * u * u * u AS INTEGER) * 7919 % 24000) END
FROM u;
.output session.out
.read lookups.sql

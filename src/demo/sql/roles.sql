-- Before the tables: the application's role, which owns the database, and the one of the reports.

CREATE ROLE shop LOGIN;
CREATE ROLE metabase LOGIN;
CREATE DATABASE shop OWNER shop;

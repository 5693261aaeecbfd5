-- By which rules of their time zones tasks were armed: where they change, tasks are armed again.
CREATE VERTEX TYPE zone_rules IF NOT EXISTS;
CREATE PROPERTY zone_rules.zone IF NOT EXISTS STRING;
CREATE INDEX IF NOT EXISTS ON zone_rules (zone) UNIQUE;

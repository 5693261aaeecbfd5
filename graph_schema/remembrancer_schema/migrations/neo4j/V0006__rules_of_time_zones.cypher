// By which rules of their time zones tasks were armed: where they change, tasks are armed again.
CREATE CONSTRAINT remembrancer_zone IF NOT EXISTS FOR (n:zone_rules) REQUIRE n.zone IS UNIQUE;

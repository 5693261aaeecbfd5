// A request that may be sent again carries a key; what it did is found by it.
CREATE CONSTRAINT remembrancer_request_key IF NOT EXISTS FOR (n:task_change) REQUIRE n.request_key IS UNIQUE;

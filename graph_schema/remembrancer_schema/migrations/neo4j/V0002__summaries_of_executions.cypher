CREATE CONSTRAINT remembrancer_summary_id IF NOT EXISTS FOR (n:execution_summary) REQUIRE n.summary_id IS UNIQUE;

process.env.TEST_PAYLOAD = '1.0';

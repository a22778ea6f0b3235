"""From a question to an answer: request, resolve, plan, execute, shape."""

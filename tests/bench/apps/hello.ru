HEADERS = { "Content-Type" => "text/plain", "Content-Length" => "13" }.freeze

run ->(_env) { [200, HEADERS.dup, ["Hello, World!"]] }

# frozen_string_literal: true

require_relative "../helper"

class EnvTest < Minitest::Test
  include Serving

  def test_a_request_becomes_cgi_variables
    env = env_of(FakeRequest.new("POST", "/a%20b/c", query: "x=1&y=%20", authority: "shop.example:8080", body: "hello",
                                                     headers: [%w[Content-Type text/plain], %w[X-Trace-Id 7]]))

    assert_equal "POST", env["REQUEST_METHOD"]
    assert_equal "", env["SCRIPT_NAME"]
    assert_equal "/a%20b/c", env["PATH_INFO"]
    assert_equal "/a%20b/c", env["REQUEST_PATH"]
    assert_equal "/a%20b/c?x=1&y=%20", env["REQUEST_URI"]
    assert_equal "x=1&y=%20", env["QUERY_STRING"]
    assert_equal "HTTP/1.1", env["SERVER_PROTOCOL"]
    assert_equal "shop.example", env["SERVER_NAME"]
    assert_equal "8080", env["SERVER_PORT"]
    assert_equal "shop.example:8080", env["HTTP_HOST"]
    assert_equal "192.0.2.7", env["REMOTE_ADDR"]
    assert_equal "text/plain", env["CONTENT_TYPE"]
    assert_equal "5", env["CONTENT_LENGTH"]
    assert_equal "7", env["HTTP_X_TRACE_ID"]
    assert_equal "http", env["rack.url_scheme"]
  end

  def test_content_type_and_length_are_not_given_twice
    env = env_of(FakeRequest.new("POST", body: "x", headers: [%w[content-type text/plain], %w[content-length 1]]))

    refute_includes env, "HTTP_CONTENT_TYPE"
    refute_includes env, "HTTP_CONTENT_LENGTH"
  end

  def test_a_body_of_unknown_length_has_neither_length_nor_coding
    request = FakeRequest.new("POST", body: %w[a b], length: nil, headers: [%w[Transfer-Encoding chunked]])
    env = body = nil
    serve(->(given) { (env = given) && (body = given["rack.input"].read) && [200, {}, []] }, request)

    refute_includes env, "CONTENT_LENGTH"
    refute_includes env, "HTTP_TRANSFER_ENCODING"
    assert_equal "ab", body
  end

  def test_a_body_of_unknown_length_is_counted_for_action_dispatch
    maker = Swiftiply::Rack::Env.new(rules: RACK2, errors: $stderr, count_bodies: true)
    request = FakeRequest.new("POST", body: %w[abc def], length: nil)
    env = maker.build(request)
    maker.add_body(env, request)

    assert_equal "6", env["CONTENT_LENGTH"]
    assert_equal "abcdef", env["rack.input"].read
  end

  def test_the_port_is_the_schemes_where_the_authority_has_none
    assert_equal "80", env_of(FakeRequest.new)["SERVER_PORT"]
    assert_equal "443", env_of(FakeRequest.new(scheme: "https"))["SERVER_PORT"]
  end

  def test_an_ipv6_authority_keeps_its_brackets
    env = env_of(FakeRequest.new(authority: "[2001:db8::1]:3000"))
    assert_equal ["[2001:db8::1]", "3000"], env.values_at("SERVER_NAME", "SERVER_PORT")
    env = env_of(FakeRequest.new(authority: "[2001:db8::1]"))
    assert_equal ["[2001:db8::1]", "80"], env.values_at("SERVER_NAME", "SERVER_PORT")
  end

  def test_a_request_without_host_is_named_by_where_it_arrived
    env = env_of(FakeRequest.new(authority: "", version: "HTTP/1.0", local: ["2001:db8::5", 8080]))

    assert_equal ["[2001:db8::5]", "8080"], env.values_at("SERVER_NAME", "SERVER_PORT")
    refute_includes env, "HTTP_HOST"
    assert_equal "localhost", env_of(FakeRequest.new(authority: "", local: nil))["SERVER_NAME"]
  end

  def test_a_client_on_a_unix_socket_is_local
    assert_equal "127.0.0.1", env_of(FakeRequest.new(peer: nil))["REMOTE_ADDR"]
  end

  def test_repeated_headers_are_one_list_and_cookies_keep_their_separator
    env = env_of(FakeRequest.new(headers: [%w[Accept a], %w[accept b], %w[Cookie x=1], %w[cookie y=2]]))

    assert_equal "a, b", env["HTTP_ACCEPT"]
    assert_equal "x=1; y=2", env["HTTP_COOKIE"]
  end

  def test_options_for_the_whole_server_keeps_its_asterisk
    assert_equal ["*", "*"], env_of(FakeRequest.new("OPTIONS", "*"), rules: RACK3).values_at("PATH_INFO", "REQUEST_URI")
    assert_equal ["", "*"], env_of(FakeRequest.new("OPTIONS", "*"), rules: RACK2).values_at("PATH_INFO", "REQUEST_URI")
  end

  def test_values_are_binary_and_may_be_changed_in_place
    env = env_of(FakeRequest.new("GET", "/é".b, query: "q", headers: [["X-Name", "j\xF6rg".b]]))

    %w[REQUEST_METHOD SCRIPT_NAME PATH_INFO REQUEST_PATH REQUEST_URI QUERY_STRING HTTP_X_NAME HTTP_HOST SERVER_NAME
       REMOTE_ADDR].each do |key|
      assert_equal Encoding::BINARY, env[key].encoding, key
      refute_predicate env[key], :frozen?, key
    end
    refute_predicate env, :frozen?
  end

  def test_what_one_request_writes_into_its_environment_is_not_seen_by_the_next
    service = Swiftiply::Rack::Env.new(rules: RACK3, errors: $stderr)
    service.build(FakeRequest.new)["app.mine"] = 1

    refute_includes service.build(FakeRequest.new), "app.mine"
  end

  def test_rack_2_gets_its_process_variables_and_http_version
    env = env_of(FakeRequest.new, rules: RACK2, threads: 3)

    assert_equal [[1, 6], true, true, false],
                 env.values_at("rack.version", "rack.multithread", "rack.multiprocess", "rack.run_once")
    assert_equal "HTTP/1.1", env["HTTP_VERSION"]
    assert_equal false, env_of(FakeRequest.new, rules: RACK2, threads: 1)["rack.multithread"]
  end

  def test_rack_3_does_not
    env = env_of(FakeRequest.new, rules: RACK3)

    %w[rack.version rack.multithread rack.multiprocess rack.run_once HTTP_VERSION rack.hijack].each do |key|
      refute_includes env, key
    end
    assert_includes env_of(FakeRequest.new, rules: Swiftiply::Rack::Rules.new("3.0.9")), "HTTP_VERSION"
  end

  def test_full_hijacking_says_that_it_is_not_offered
    error = assert_raises(Swiftiply::Unsupported) { env_of(FakeRequest.new, rules: RACK2)["rack.hijack"].call }

    assert_match(/raw connection/, error.message)
  end

  def test_the_app_can_ask_whether_its_client_left
    request = FakeRequest.new
    env = env_of(request)

    refute_predicate env["swiftiply.request"], :disconnected?
    request.disconnected = true
    assert_predicate env["swiftiply.request"], :disconnected?
  end

  def test_early_hints_are_sent_ahead
    app = lambda do |env|
      env["rack.early_hints"].call("link" => ["</a.css>; rel=preload", "</b.js>; rel=preload"])
      env["rack.early_hints"].call("Link" => "</c>\n</d>")
      [200, {}, []]
    end
    reply = serve(app).reply

    assert_equal [[103, [["link", "</a.css>; rel=preload"], ["link", "</b.js>; rel=preload"]]],
                  [103, [%w[Link </c>], %w[Link </d>]]]], reply.informed
  end

  def test_clients_of_http_1_0_get_no_early_hints
    refute_includes env_of(FakeRequest.new(version: "HTTP/1.0")), "rack.early_hints"
    refute_includes env_of(FakeRequest.new, early_hints: false), "rack.early_hints"
  end
end

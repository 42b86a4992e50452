# frozen_string_literal: true

# Compiles the native library when the gem is installed: writes a Makefile that calls cargo, because RubyGems' own builder
# for cargo leaves all of its build output (159 MB) in the installed gem.

require "rbconfig"

cargo = ENV.fetch("CARGO", "cargo")
version = IO.popen([cargo, "--version"], err: File::NULL, &:read).to_s rescue "" # rubocop:disable Style/RescueModifier
found = version[/\d+\.\d+/].to_s.split(".").map(&:to_i)
if (found <=> [1, 88]).to_i.negative? || found.empty?
  abort "swiftiply-rack is compiled with Rust 1.88 or later, and #{found.empty? ? "there is no cargo here" : version.strip}: " \
        "install Rust (https://rustup.rs), or a gem of swiftiply-rack for this platform, which needs no compiler"
end

config = RbConfig::CONFIG
built = "libswiftiply_ruby.#{config["SOEXT"]}"
library = "swiftiply_ruby.#{config["DLEXT"]}"
# macOS leaves the symbols of Ruby to be found when the library is loaded.
flags = config["host_os"].include?("darwin") ? "-C link-arg=-undefined -C link-arg=dynamic_lookup" : ""

File.write("Makefile", <<~MAKEFILE)
  DESTDIR =
  sitearchdir = #{config["sitearchdir"]}
  sitelibdir = #{config["sitelibdir"]}
  target = #{File.expand_path("target")}

  all: #{library}

  #{library}:
  \tRUBY="#{RbConfig.ruby}" RUSTFLAGS="$$RUSTFLAGS #{flags}" \\
  \t  CARGO_PROFILE_RELEASE_DEBUG=false CARGO_PROFILE_RELEASE_STRIP=symbols \\
  \t  #{cargo} build --release --locked -p swiftiply-ruby \\
  \t  --manifest-path "#{File.join(__dir__, "Cargo.toml")}" --target-dir "$(target)"
  \tcp "$(target)/release/#{built}" #{library}

  install: all
  \tmkdir -p "$(DESTDIR)$(sitearchdir)/swiftiply"
  \tcp #{library} "$(DESTDIR)$(sitearchdir)/swiftiply/"
  \trm -rf "$(target)" #{library}

  clean:
  \trm -rf "$(target)" #{library}

  distclean: clean
  \trm -f Makefile

  .PHONY: all install clean distclean
MAKEFILE

# frozen_string_literal: true

module Swiftiply
  module Rack
    # Every bound of the adapter in one place: a number, its unit, its reason.
    module Limits
      # How much of a request's body one read asks the connector for: a few system calls per megabyte.
      READ_PIECE_BYTES = 64 * 1024

      # How much of a body that can be rewound stays in memory; what goes beyond moves to an unlinked temporary file.
      # Forms and JSON stay in memory, uploads do not.
      SPOOL_MEMORY_BYTES_MAX = 128 * 1024

      # An Array of strings up to this size leaves as one piece; a bigger one is not copied together.
      JOIN_BYTES_MAX = 64 * 1024

      # Files named by `to_path` are sent in pieces of this size.
      FILE_PIECE_BYTES = 128 * 1024

      # How long a process that was asked to stop may take to finish what it has begun. Most platforms kill after 30.
      DRAIN_TIMEOUT_S = 30

      # Threads of a process when nothing says otherwise: Puma's figure for one with the GVL.
      THREADS_DEFAULT = 5

      # More slots than this in one process means a mistyped number.
      THREADS_MAX = 1024

      # Upgraded connections (WebSockets) of a process, beside its threads: each takes two descriptors, of which a process
      # usually may have 1024.
      TUNNELS_DEFAULT = 400

      # More is a mistyped number: one process would need millions of descriptors.
      TUNNELS_MAX = 1_000_000

      # Processes of one command; beyond this a mistake is likelier than the machine.
      PROCESSES_MAX = 512

      # How long threads may take to die once everything is to end at once; then the process leaves them behind.
      STOP_TIMEOUT_S = 2

      # Pause before a dead process is replaced: none the first time, then doubled up to the maximum, forgotten once a
      # process has lived for a while.
      RESTART_PAUSE_S_MIN = 0.5
      RESTART_PAUSE_S_MAX = 30
      RESTART_FORGIVEN_AFTER_S = 60
    end
  end
end

//! Node's own loop, libuv, watching one descriptor for us.
//!
//! Node-API has no way to wait for a descriptor on Node's loop: its thread-safe functions need a thread of ours that
//! waits and then wakes Node's, which costs more than all the rest of a request. So this file, and only this one,
//! calls libuv, which Node exports for addons, and the part of Node-API that enters JavaScript from a libuv callback.
#![allow(unsafe_code)]

use std::ffi::{c_int, c_void};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr;

use napi::bindgen_prelude::{Array, FunctionRef};
use napi::{Env, JsValue, Result, Status, sys};

/// Watches one descriptor on Node's loop until it is dropped.
pub(crate) struct Watch {
    handles: *mut Handles,
}

/// Freed by libuv's last word about them, which comes after the `Watch` is dropped.
struct Handles {
    poll: Box<[u64]>,
    prepare: Box<[u64]>,
    still_open: u8,
    on_readable: Box<dyn Fn()>,
    before_wait: Box<dyn Fn()>,
}

impl Watch {
    /// Calls `on_readable` whenever the descriptor can be read, and `before_wait` in each turn of the loop after all
    /// JavaScript has run and before the loop waits. Keeps the process alive; see [`Watch::unref`].
    pub(crate) fn start(
        env: Env,
        descriptor: BorrowedFd<'_>,
        on_readable: impl Fn() + 'static,
        before_wait: impl Fn() + 'static,
    ) -> Result<Self> {
        let node_loop = env.get_uv_event_loop()?.cast::<UvLoop>();
        let handles = Box::into_raw(Box::new(Handles {
            poll: memory_for(UV_POLL),
            prepare: memory_for(UV_PREPARE),
            still_open: 2,
            on_readable: Box::new(on_readable),
            before_wait: Box::new(before_wait),
        }));
        // SAFETY: the memory is as large as libuv says, is aligned to 8 bytes, and stays where it is until both
        // handles are closed. The loop is the one of this thread, and lives longer than its handles.
        unsafe {
            let (poll, prepare) = (Handles::poll(handles), Handles::prepare(handles));
            if uv_poll_init(node_loop, poll, descriptor.as_raw_fd()) != 0 {
                drop(Box::from_raw(handles));
                return Err(napi::Error::new(Status::GenericFailure, "Node's loop cannot watch the links"));
            }
            uv_prepare_init(node_loop, prepare);
            uv_handle_set_data(poll, handles.cast());
            uv_handle_set_data(prepare, handles.cast());
            uv_poll_start(poll, UV_READABLE, on_poll);
            uv_prepare_start(prepare, on_prepare);
            // Of the two only the poll handle stands for work.
            uv_unref(prepare);
        }
        Ok(Self { handles })
    }

    /// From now on the watch keeps the process alive.
    pub(crate) fn ref_(&self) {
        // SAFETY: the handle is open as long as `self` lives.
        unsafe { uv_ref(Handles::poll(self.handles)) }
    }

    /// From now on the process may end although the watch is there.
    pub(crate) fn unref(&self) {
        // SAFETY: the handle is open as long as `self` lives.
        unsafe { uv_unref(Handles::poll(self.handles)) }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // SAFETY: both handles are open, and are closed only here. `on_close` frees the memory when libuv is done.
        unsafe {
            uv_close(Handles::poll(self.handles), on_close);
            uv_close(Handles::prepare(self.handles), on_close);
        }
    }
}

impl Handles {
    /// SAFETY: `handles` must come from [`Watch::start`] and not be freed.
    unsafe fn poll(handles: *mut Handles) -> *mut UvHandle {
        unsafe { (&raw mut (*(*handles).poll)).cast() }
    }

    /// SAFETY: as [`Handles::poll`].
    unsafe fn prepare(handles: *mut Handles) -> *mut UvHandle {
        unsafe { (&raw mut (*(*handles).prepare)).cast() }
    }
}

extern "C" fn on_poll(handle: *mut UvHandle, _status: c_int, _events: c_int) {
    // SAFETY: libuv calls this only while the handle is open, and its data is what `start` gave it. Should the callback
    // drop the `Watch`, the memory stays until `on_close`.
    unsafe { ((*uv_handle_get_data(handle).cast::<Handles>()).on_readable)() }
}

extern "C" fn on_prepare(handle: *mut UvHandle) {
    // SAFETY: as in `on_poll`.
    unsafe { ((*uv_handle_get_data(handle).cast::<Handles>()).before_wait)() }
}

extern "C" fn on_close(handle: *mut UvHandle) {
    // SAFETY: called once for each of the two handles; after the second nobody knows the memory any more.
    unsafe {
        let handles = uv_handle_get_data(handle).cast::<Handles>();
        (*handles).still_open -= 1;
        if (*handles).still_open == 0 {
            drop(Box::from_raw(handles));
        }
    }
}

/// Calls a JavaScript function from a libuv callback, as Node calls its own: promises and `nextTick`s run before this
/// returns, and what the function throws is an uncaught exception.
pub(crate) fn call_back(
    env: Env,
    function: &FunctionRef<(), ()>,
    argument: impl FnOnce(&Env) -> Result<Array<'_>>,
) -> Result<()> {
    let scope = Scope::open(env)?;
    let function = function.borrow_back(&scope.env)?;
    let argument = argument(&scope.env)?;
    let mut receiver = ptr::null_mut();
    let mut result = ptr::null_mut();
    // SAFETY: all values belong to the scope above, which is open, and `env` is that of this thread.
    unsafe {
        check(sys::napi_get_global(env.raw(), &mut receiver))?;
        let called = sys::napi_make_callback(
            env.raw(),
            ptr::null_mut(),
            receiver,
            function.raw(),
            1,
            [argument.raw()].as_ptr(),
            &mut result,
        );
        if called == sys::Status::napi_pending_exception {
            let mut exception = ptr::null_mut();
            check(sys::napi_get_and_clear_last_exception(env.raw(), &mut exception))?;
            return check(sys::napi_fatal_exception(env.raw(), exception));
        }
        check(called)
    }
}

/// Where the values that are made for one call live, so that they can go when it is over.
struct Scope {
    env: Env,
    scope: sys::napi_handle_scope,
}

impl Scope {
    fn open(env: Env) -> Result<Self> {
        let mut scope = ptr::null_mut();
        // SAFETY: `env` is that of this thread; the scope is closed in `drop`.
        check(unsafe { sys::napi_open_handle_scope(env.raw(), &mut scope) })?;
        Ok(Self { env, scope })
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        // SAFETY: opened by `open`, and closed once, in the reverse order.
        unsafe { sys::napi_close_handle_scope(self.env.raw(), self.scope) };
    }
}

fn check(status: sys::napi_status) -> Result<()> {
    match status {
        sys::Status::napi_ok => Ok(()),
        status => Err(napi::Error::new(Status::from(status), "Node-API refused a call")),
    }
}

fn memory_for(kind: c_int) -> Box<[u64]> {
    // SAFETY: asks libuv for a number.
    let bytes = unsafe { uv_handle_size(kind) };
    vec![0; bytes.div_ceil(size_of::<u64>())].into_boxed_slice()
}

#[repr(C)]
struct UvLoop {
    _opaque: [u8; 0],
}

#[repr(C)]
struct UvHandle {
    _opaque: [u8; 0],
}

// From uv.h of libuv 1, whose numbers are part of its stable interface.
const UV_POLL: c_int = 8;
const UV_PREPARE: c_int = 9;
const UV_READABLE: c_int = 1;

unsafe extern "C" {
    fn uv_handle_size(kind: c_int) -> usize;
    fn uv_handle_set_data(handle: *mut UvHandle, data: *mut c_void);
    fn uv_handle_get_data(handle: *const UvHandle) -> *mut c_void;
    fn uv_poll_init(node_loop: *mut UvLoop, handle: *mut UvHandle, descriptor: c_int) -> c_int;
    fn uv_poll_start(
        handle: *mut UvHandle,
        events: c_int,
        callback: extern "C" fn(*mut UvHandle, c_int, c_int),
    ) -> c_int;
    fn uv_prepare_init(node_loop: *mut UvLoop, handle: *mut UvHandle) -> c_int;
    fn uv_prepare_start(handle: *mut UvHandle, callback: extern "C" fn(*mut UvHandle)) -> c_int;
    fn uv_ref(handle: *mut UvHandle);
    fn uv_unref(handle: *mut UvHandle);
    fn uv_close(handle: *mut UvHandle, callback: extern "C" fn(*mut UvHandle));
}

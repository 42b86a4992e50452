//! All that depends on who holds Ruby's global lock (GVL), and with it all `unsafe` code of this library.
//!
//! Three things need it, and magnus has none of them in a safe form: waiting without the lock, so that Ruby's other
//! threads run; acting on what happened to the thread meanwhile (`Thread#kill`, `Timeout`, signals); and looking at the
//! bytes of a Ruby string without copying them.
#![allow(unsafe_code)]

use std::cell::RefCell;
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use magnus::rb_sys::protect;
use magnus::{Error, RString, Ruby};
use swiftiply_connector::{Interrupt, Wait};

thread_local! {
    /// The interrupt of this native thread's waits, of which there is one at a time.
    static WAIT: RefCell<Wait> = RefCell::new(Wait { timeout: None, interrupt: Some(Interrupt::new()) });
}

/// What became of a wait.
pub(crate) enum Waited<T> {
    /// It gave this.
    Over(T),
    /// It did not begin, because Ruby has something for this thread to do first.
    NotBegun,
}

/// Waits without the GVL. `wait` gets what ends it early when Ruby wants this thread back, and must not touch any Ruby
/// object. Ruby's own business is not done here, so that what the wait gave cannot be lost: see [`check_interrupts`].
pub(crate) fn without_gvl<T>(_ruby: &Ruby, wait: impl FnOnce(&Wait) -> T) -> Waited<T> {
    let parameters = WAIT.with_borrow(Wait::clone);
    let Some(interrupt) = parameters.interrupt.clone() else {
        return Waited::NotBegun;
    };
    // Before the wait and not in it: a raise that comes in between must be seen.
    interrupt.clear();
    let mut call = Call { wait: Some(wait), parameters, outcome: None };
    let run = runner(&call);
    // SAFETY: `run` and `unblock` get exactly the pointers they expect, to values that outlive the call; `unblock` uses
    // the interrupt only by shared reference, which is safe from any thread; neither touches Ruby nor unwinds. With
    // RB_NOGVL_INTR_FAIL Ruby runs none of its own code in here, so nothing jumps over our frames.
    unsafe {
        rb_sys::rb_nogvl(
            Some(run),
            (&raw mut call).cast(),
            Some(unblock),
            (&raw const interrupt).cast_mut().cast(),
            rb_sys::RB_NOGVL_INTR_FAIL as i32,
        );
    }
    match call.outcome {
        Some(Ok(value)) => Waited::Over(value),
        Some(Err(panic)) => resume_unwind(panic),
        None => Waited::NotBegun,
    }
}

struct Call<T, F> {
    wait: Option<F>,
    parameters: Wait,
    outcome: Option<std::thread::Result<T>>,
}

/// The function that runs just this kind of call.
fn runner<T, F: FnOnce(&Wait) -> T>(_call: &Call<T, F>) -> unsafe extern "C" fn(*mut c_void) -> *mut c_void {
    run::<T, F>
}

unsafe extern "C" fn run<T, F: FnOnce(&Wait) -> T>(call: *mut c_void) -> *mut c_void {
    // SAFETY: `without_gvl` passes its own `Call<T, F>`, and nobody else has it while this runs.
    let call = unsafe { &mut *call.cast::<Call<T, F>>() };
    if let Some(wait) = call.wait.take() {
        // A panic must not cross Ruby's frames; it goes on in `without_gvl`.
        call.outcome = Some(catch_unwind(AssertUnwindSafe(|| wait(&call.parameters))));
    }
    std::ptr::null_mut()
}

unsafe extern "C" fn unblock(interrupt: *mut c_void) {
    // SAFETY: `without_gvl` passes its own `Interrupt`, which lives until rb_nogvl has returned.
    unsafe { &*interrupt.cast::<Interrupt>() }.raise();
}

/// Lets Ruby do what it has for this thread: run a signal's trap, raise a `Timeout`, kill the thread.
///
/// # Errors
/// What is to be raised, or the jump that ends the thread; the caller returns it to Ruby.
pub(crate) fn check_interrupts(_ruby: &Ruby) -> Result<(), Error> {
    // SAFETY: called with the GVL, which `Ruby` witnesses; `protect` catches what it raises.
    protect(|| unsafe {
        rb_sys::rb_thread_check_ints();
        rb_sys::Qnil.into()
    })
    .map(drop)
}

/// Shows the bytes of a string to `look`, which must not call Ruby.
pub(crate) fn bytes_of<T>(string: RString, look: impl FnOnce(&[u8]) -> T) -> T {
    // SAFETY: the GVL is held and `look` does not call Ruby, so nobody changes or frees the string meanwhile; `string` is
    // on the stack, where the garbage collector sees it.
    let seen = look(unsafe { string.as_slice() });
    std::hint::black_box(string);
    seen
}

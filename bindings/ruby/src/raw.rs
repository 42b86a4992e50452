//! What magnus does not have, and with it all `unsafe` code of this library.
//!
//! - Waiting without Ruby's global lock (GVL), so that Ruby's other threads run; and acting on what happened to the thread
//!   meanwhile (`Thread#kill`, `Timeout`, signals).
//! - Looking at the bytes of a Ruby string without copying them, and at an object's exact class.
//! - Copying a Hash with other values, without a look at its keys.
#![allow(unsafe_code)]

use std::cell::RefCell;
use std::ffi::{c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use magnus::rb_sys::{AsRawValue, FromRawValue, protect};
use magnus::value::ReprValue;
use magnus::{Error, Fixnum, RArray, RClass, RHash, RString, Ruby, TryConvert, Value};
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

/// An Array and nothing more: of no subclass, and without methods of its own.
pub(crate) fn plain_array(ruby: &Ruby, value: Value) -> Option<RArray> {
    RArray::from_value(value).filter(|array| is_just(array.as_value(), ruby.class_array().as_value()))
}

/// A Hash and nothing more, or one of just this subclass.
pub(crate) fn plain_hash(ruby: &Ruby, value: Value, subclass: RClass) -> Option<RHash> {
    let classes = [ruby.class_hash(), subclass];
    RHash::from_value(value)
        .filter(|hash| classes.iter().any(|class| is_just(hash.as_value(), class.as_value())))
}

/// `object` is no number, symbol or other value without a place in memory.
fn is_just(object: Value, class: Value) -> bool {
    // SAFETY: all objects begin so; this one is alive, because the caller holds it. (Magnus looks beyond singleton classes.)
    unsafe { (*(object.as_raw() as *const rb_sys::RBasic)).klass == class.as_raw() }
}

/// A copy of `template` in which every Integer is replaced by the value of that number; then `set` is put into it, and
/// `delete` taken out. The keys that are in `template` already are neither hashed nor compared, which is most of what a
/// Hash of strings costs.
///
/// # Errors
/// What Ruby raises, such as NoMemoryError.
pub(crate) fn copy_with(
    template: RHash,
    values: &[Value],
    set: &[(RString, RString)],
    delete: &[RString],
) -> Result<RHash, Error> {
    let numbered = (&raw const values) as rb_sys::st_data_t;
    let copy = protect(|| {
        // SAFETY: called with the GVL, as whatever has a Value is. The two functions get what they expect, which outlives the
        // call. Ruby takes a Hash whose table was asked for (RHASH_TBL) as one that is written to without write barriers. A
        // raise leaves these frames through `protect`, and finds nothing in them to be dropped. All values are on the stack
        // of the caller, where the garbage collector sees them.
        unsafe {
            let copy = rb_sys::rb_hash_dup(template.as_raw());
            let table = rb_sys::rb_hash_tbl(copy, c"raw.rs".as_ptr(), 0);
            rb_sys::rb_st_foreach_with_replace(table, Some(has_number), Some(replace), numbered);
            for (key, value) in set {
                rb_sys::rb_hash_aset(copy, key.as_raw(), value.as_raw());
            }
            for key in delete {
                rb_sys::rb_hash_delete(copy, key.as_raw());
            }
            copy
        }
    })?;
    // SAFETY: just made, and on the stack.
    RHash::try_convert(unsafe { Value::from_raw(copy) })
}

/// Whether a value of [`copy_with`]'s template is to be replaced.
unsafe extern "C" fn has_number(
    _key: rb_sys::st_data_t,
    value: rb_sys::st_data_t,
    numbered: rb_sys::st_data_t,
    _failed: c_int,
) -> c_int {
    // SAFETY: `copy_with` passes a reference to its values, and the template's are alive.
    let value = unsafe { value_of(value, numbered) };
    (if value.is_some() { rb_sys::st_retval::ST_REPLACE } else { rb_sys::st_retval::ST_CONTINUE }) as c_int
}

/// Replaces it.
unsafe extern "C" fn replace(
    _key: *mut rb_sys::st_data_t,
    value: *mut rb_sys::st_data_t,
    numbered: rb_sys::st_data_t,
    _existing: c_int,
) -> c_int {
    // SAFETY: as in `has_number`; and `value` is the place of the value in the table.
    unsafe {
        if let Some(new) = value_of(*value, numbered) {
            *value = new.as_raw();
        }
    }
    rb_sys::st_retval::ST_CONTINUE as c_int
}

/// The value whose number this is, if it is a number.
unsafe fn value_of(number: rb_sys::st_data_t, numbered: rb_sys::st_data_t) -> Option<Value> {
    // SAFETY: see `has_number`.
    let (values, number) = unsafe { (*(numbered as *const &[Value]), Value::from_raw(number)) };
    values.get(Fixnum::from_value(number)?.to_i64() as usize).copied()
}

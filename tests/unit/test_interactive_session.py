from __future__ import annotations

import pytest

import holdfast as tf


def test_it_is_the_default_session_until_it_is_closed() -> None:
    """Eval and run need no session while one is there."""
    c = tf.constant(2.0)
    sess = tf.InteractiveSession()
    assert tf.get_default_session() is sess
    assert c.eval() == 2.0
    c.op.run()
    sess.close()
    assert tf.get_default_session() is None
    with pytest.raises(ValueError, match=r"^Cannot evaluate tensor using `eval\(\)`: No default session"):
        c.eval()


def test_closing_twice() -> None:
    """The second close does nothing, and takes no other session from the stack."""
    tf.constant(1.0)
    sess = tf.InteractiveSession()
    other = tf.InteractiveSession()
    sess.close()
    sess.close()
    assert tf.get_default_session() is other
    other.close()


def test_a_given_graph_is_the_default_one_too() -> None:
    """Ops made meanwhile go to the session's graph."""
    graph = tf.Graph()
    sess = tf.InteractiveSession(graph=graph)
    c = tf.constant(1.0)
    assert c.graph is graph
    assert c.eval() == 1.0
    sess.close()
    assert tf.get_default_graph() is not graph


def test_it_may_be_closed_out_of_order() -> None:
    """Within a block that was entered later, closing leaves the block's graph and session alone."""
    sess = tf.InteractiveSession(graph=tf.Graph())
    with tf.Graph().as_default() as inner, tf.Session() as session:
        sess.close()
        assert tf.get_default_graph() is inner
        assert tf.get_default_session() is session
        assert tf.constant(3.0).eval() == 3.0
    assert tf.get_default_session() is None


@pytest.mark.parametrize("method", ["eval", "run"])
def test_a_default_session_of_another_graph(method: str) -> None:
    """A tensor of another graph than the default session's is told so."""
    c = tf.constant(1.0)
    with tf.Graph().as_default(), tf.Session(), pytest.raises(ValueError, match=r"^Cannot use the default session to"):
        (c.eval if method == "eval" else c.op.run)()
    other = tf.Session(graph=tf.Graph())
    with pytest.raises(ValueError, match=r"^Cannot use the given session to"):
        (c.eval if method == "eval" else c.op.run)(session=other)

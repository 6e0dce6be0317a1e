#pragma once

#include <boost/asio/ip/address.hpp>

namespace shannon::kit {

/// Does an interface of this machine have this address? A public address may,
/// and then a connection to it never leaves the machine: it passes every
/// firewall on the way and finds what listens here for the neighbours alone.
/// An answer that cannot be had is yes.
bool is_own_address(const boost::asio::ip::address& where);

} // namespace shannon::kit

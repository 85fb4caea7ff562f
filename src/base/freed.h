// What a C library hands out, owned:
//
//   std::unique_ptr<SSL, base::Freed<&SSL_free>> ssl(SSL_new(context));
#pragma once

namespace base {

template <auto Free>
struct Freed {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};

}  // namespace base

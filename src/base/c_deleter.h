// A deleter that frees an object of a C library with the library's own function:
//
//   std::unique_ptr<SSL, base::CDeleter<&SSL_free>> ssl(SSL_new(context));
#pragma once

namespace base {

template <auto Free>
struct CDeleter {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};

}  // namespace base
